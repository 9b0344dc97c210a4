"""Tell which decorators make a task: Celery's own, and those that a code base wraps around them."""

from __future__ import annotations

from typing import NamedTuple

from djcelery.project.apps import Apps
from djcelery.project.context import called_in
from djcelery.project.facts import Module, Value
from djcelery.project.lookup import Lookup
from djcelery.project.names import Definition

SHARED_TASK = frozenset(
    "celery.shared_task celery.app.shared_task celery.task celery.task.task celery.decorators.task "
    "celery.task.periodic_task celery.decorators.periodic_task celery.task.base.periodic_task".split()
)
DJANGO_TASK = frozenset({"django.tasks.task", "django_tasks.task", "django.tasks.base.task", "django_tasks.base.task"})
TASK_METHODS = frozenset({"task", "periodic_task"})  # of an app
NO_TASK = frozenset({"property", "staticmethod", "classmethod", "wraps", "receiver", "partial"})


class Declaration(NamedTuple):
    """Say how a decorator makes a task."""

    declared_by: str  # shared_task, app.task, wrapper, django
    inner_call: Value | None = None  # a call whose options count too


class TaskDecorators:
    """Follow decorators to the ones of Celery."""

    def __init__(self, lookup: Lookup, apps: Apps) -> None:
        self.lookup = lookup
        self.apps = apps
        self.functions: dict[tuple[str, int], Declaration | None] = {}

    def makes_task(self, module: Module, path: str) -> bool:
        """Return whether a decorator with a path makes a task."""
        return self.declaration(module, path) is not None

    def declaration(self, module: Module, path: str, depth: int = 0) -> Declaration | None:
        """Return how a decorator with a path makes a task, or None where it makes none."""
        root, _, last = path.rpartition(".")
        if path in SHARED_TASK:
            return Declaration("shared_task")
        if path in DJANGO_TASK:
            return Declaration("django")
        if last in TASK_METHODS and root and self.apps.is_app(module, root):
            return Declaration("app.task")
        if depth > 1 or last in NO_TASK:
            return None
        return self._through_definition(module, path, depth)

    def _through_definition(self, module: Module, path: str, depth: int) -> Declaration | None:
        """Follow a decorator that the code base defines: a function, an alias, or a `partial`."""
        definition = self.lookup.find(module, path)
        if definition is None:
            return None
        if definition.kind == "function":
            key = definition.path, depth
            if key not in self.functions:
                self.functions[key] = self._in_function(definition, depth)
            return self.functions[key]
        if definition.assign is None:
            return None
        assigned = definition.assign.value
        if assigned.kind == "name":
            declaration = self.declaration(definition.module, assigned.name, depth + 1)
            return Declaration(declaration.declared_by) if declaration else None
        if assigned.kind == "call" and not assigned.items:  # retrying = shared_task(acks_late=True)
            declaration = self.declaration(definition.module, assigned.name, depth + 1)
            return Declaration(declaration.declared_by, assigned) if declaration else None
        if assigned.kind == "call" and assigned.last == "partial" and assigned.items:
            declaration = self.declaration(definition.module, assigned.items[0].name, depth + 1)
            return Declaration("shared_task", assigned) if declaration else None
        return None

    def _in_function(self, definition: Definition, depth: int) -> Declaration | None:
        """Find the call in the body of a decorator that makes a task."""
        module = definition.module
        paths = called_in(module, definition.position)
        making = next((path for path in paths if self.declaration(module, path, depth + 1)), None)
        if making is None or definition.function is None:
            return None
        calls = module.inside.calls(definition.function.block)
        return Declaration("wrapper", next(call.value for call in calls if call.value.name == making))
