"""Tell what the base class of a task changes about it."""

from __future__ import annotations

from functools import cached_property

from djcelery.project.apps import Apps
from djcelery.project.celery_names import SENDING, SIGNING
from djcelery.project.context import function_of
from djcelery.project.facts import Module
from djcelery.project.lookup import Lookup
from djcelery.project.names import Definition

CELERY_BASES = frozenset(
    "object celery.contrib.django.task.DjangoTask celery.Task celery.app.task.Task celery.task.Task "
    "celery.task.base.Task".split()
)
CALLING = SENDING | SIGNING | {"__call__"}


class BaseClasses:
    """Follow the base classes of tasks."""

    def __init__(self, lookup: Lookup, apps: Apps) -> None:
        self.lookup = lookup
        self.apps = apps

    def is_celerys_own(self, module: Module, base: str) -> bool:
        """Return whether a base class is Celery's own, also as `app.Task`."""
        root, _, last = base.rpartition(".")
        return base in CELERY_BASES or (last == "Task" and bool(root) and self.apps.is_app(module, root))

    def changes_calls(self, module: Module, base: str) -> bool:
        """Return whether a base class certainly overrides a way to call or to send a task."""
        if self.is_celerys_own(module, base):
            return False
        definition = self._find(module, base)
        if definition is None or definition.cls is None:
            return False
        prefix = f"{definition.cls.name}."
        methods = {function.name for function in definition.module.functions if function.qualname.startswith(prefix)}
        return bool(methods & CALLING) or any(
            self.changes_calls(definition.module, outer) for outer in definition.cls.bases
        )

    def sends_on_commit(self, module: Module, base: str) -> bool:
        """Return whether a base class waits for the commit whenever it sends."""
        if self.is_celerys_own(module, base):
            return False
        definition = self._find(module, base)
        if definition is None or definition.cls is None:
            return False  # `is_unknown` tells of this
        home, own_methods = definition.module, {f"{definition.cls.name}.{method}" for method in SENDING}
        for call in home.calls:
            function = function_of(home, call.block)
            if "commit" in call.value.last and function is not None and function.qualname in own_methods:
                return True
        return any(self.sends_on_commit(home, outer) for outer in definition.cls.bases)

    def is_unknown(self, module: Module, base: str) -> bool:
        """Return whether a base class, or one that it inherits from, cannot be seen."""
        if self.is_celerys_own(module, base):
            return False
        definition = self._find(module, base)
        if definition is None or definition.cls is None:
            return True
        return any(self.is_unknown(definition.module, outer) for outer in definition.cls.bases)

    @cached_property
    def apps_send_on_commit(self) -> bool:
        """Return whether the task class of an app waits for the commit whenever it sends."""
        return any(self.sends_on_commit(module, base) for module, base in self.apps.task_classes)

    @cached_property
    def apps_are_unknown(self) -> bool:
        """Return whether the task class of an app cannot be seen."""
        return any(self.is_unknown(module, base) for module, base in self.apps.task_classes)

    def _find(self, module: Module, base: str) -> Definition | None:
        return self.lookup.find(module, base.replace(":", "."))
