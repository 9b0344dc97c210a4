"""Tell which decorators make a task: Celery's own, and those that a code base wraps around them."""

from __future__ import annotations

from typing import NamedTuple

from djcelery.project.apps import Apps
from djcelery.project.facts import Function, Module, Value
from djcelery.project.lookup import Lookup

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

    def declaration(self, module: Module, value: Value, depth: int = 0) -> Declaration | None:
        """Return how a decorator makes a task, or None where it makes none."""
        if value.name in SHARED_TASK:
            return Declaration("shared_task")
        if value.name in DJANGO_TASK:
            return Declaration("django")
        if value.last in TASK_METHODS and value.root and self.apps.is_app(module, value.root):
            return Declaration("app.task")
        if depth > 1 or value.last in NO_TASK:
            return None
        return self._through_definition(module, value, depth)

    def _through_definition(self, module: Module, value: Value, depth: int) -> Declaration | None:
        """Follow a decorator that the code base defines: a function, an alias, or a `partial`."""
        definition = self.lookup.find(module, value.name)
        if definition is None:
            return None
        if definition.function is not None:
            key = definition.path, depth
            if key not in self.functions:
                self.functions[key] = self._in_function(definition.module, definition.function, depth)
            return self.functions[key]
        if definition.assign is None:
            return None
        assigned = definition.assign.value
        if assigned.kind == "name":
            declaration = self.declaration(definition.module, assigned, depth + 1)
            return Declaration(declaration.declared_by) if declaration else None
        if assigned.kind == "call" and not assigned.items:  # retrying = shared_task(acks_late=True)
            declaration = self.declaration(definition.module, assigned, depth + 1)
            return Declaration(declaration.declared_by, assigned) if declaration else None
        if assigned.kind == "call" and assigned.last == "partial" and assigned.items:
            declaration = self.declaration(definition.module, assigned.items[0], depth + 1)
            return Declaration("shared_task", assigned) if declaration else None
        return None

    def _in_function(self, module: Module, function: Function, depth: int) -> Declaration | None:
        """Find the call in the body of a decorator that makes a task."""
        for call in module.inside.calls(function.block):
            if self.declaration(module, call.value, depth + 1):
                return Declaration("wrapper", call.value)
        return None
