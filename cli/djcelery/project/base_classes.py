"""Tell what the base class of a task changes about it."""

from __future__ import annotations

from functools import cached_property

from djcelery.project.apps import Apps
from djcelery.project.celery_names import SENDING, SIGNING
from djcelery.project.context import function_of, is_inside
from djcelery.project.facts import Module, Value
from djcelery.project.lookup import Lookup
from djcelery.project.names import Definition

CELERY_BASES = frozenset(
    "object celery.contrib.django.task.DjangoTask celery.Task celery.app.task.Task celery.task.Task "
    "celery.task.base.Task".split()
)
CALLING = SENDING | SIGNING | {"__call__"}
# The base classes of djcelery-jobs send JSON and check arguments as Celery does. A durable task is written to a row in
# the transaction of its caller, and its message leaves after the commit.
DURABLE_BASES = frozenset({"djcelery_jobs.DurableTask", "djcelery_jobs.core.durable.DurableTask"})
JOB_BASES = frozenset({"djcelery_jobs.JobTask", "djcelery_jobs.core.task.JobTask"}) | DURABLE_BASES
ON_COMMIT_BASES = frozenset({"celery.contrib.django.task.DjangoTask"}) | JOB_BASES


class BaseClasses:
    """Follow the base classes of tasks."""

    def __init__(self, lookup: Lookup, apps: Apps) -> None:
        self.lookup = lookup
        self.apps = apps

    def is_celerys_own(self, module: Module, base: str) -> bool:
        """Return whether a base class is Celery's own, also as `app.Task`."""
        root, _, last = base.rpartition(".")
        return base in CELERY_BASES or (last == "Task" and bool(root) and self.apps.is_app(module, root))

    def is_known(self, module: Module, base: str) -> bool:
        """Return whether a base class is Celery's own or one of djcelery-jobs."""
        return base.replace(":", ".") in JOB_BASES or self.is_celerys_own(module, base)

    def overrides(self, module: Module, base: str, names: frozenset[str]) -> bool:
        """Return whether a base class certainly defines one of these methods or attributes."""
        if self.is_known(module, base):
            return False
        definition = self._find(module, base)
        if definition is None or definition.cls is None:
            return False
        home, prefix = definition.module, f"{definition.cls.name}."
        defined = {function.name for function in home.functions if function.qualname.startswith(prefix)}
        defined |= {assign.target for assign in home.assigns if is_inside(home, assign.block, definition.cls.block)}
        return bool(defined & names) or any(self.overrides(home, outer, names) for outer in definition.cls.bases)

    def changes_calls(self, module: Module, base: str) -> bool:
        """Return whether a base class certainly overrides a way to call or to send a task."""
        return self.overrides(module, base, CALLING)

    def changes_messages(self, module: Module, base: str) -> bool:
        """Return whether a base class certainly overrides how a task is sent or serialized."""
        return self.overrides(module, base, SENDING | SIGNING | {"serializer"})

    def leads_to(self, module: Module, base: str, known: frozenset[str]) -> bool:
        """Return whether a base class is, or inherits from, one of these."""
        if base.replace(":", ".") in known:
            return True
        definition = self._find(module, base)
        if definition is None or definition.cls is None:
            return False
        if definition.path in known:
            return True
        return any(self.leads_to(definition.module, outer, known) for outer in definition.cls.bases)

    def attribute(self, module: Module, base: str, name: str) -> Value | None:
        """Return the value that a base class, or one that it inherits from, gives to an attribute."""
        definition = None if self.is_known(module, base) else self._find(module, base)
        if definition is None or definition.cls is None:
            return None
        home, block = definition.module, definition.cls.block
        for assign in home.assigns:
            if assign.target == name and is_inside(home, assign.block, block):
                return assign.value
        values = (self.attribute(home, outer, name) for outer in definition.cls.bases)
        return next((value for value in values if value is not None), None)

    def sends_on_commit(self, module: Module, base: str) -> bool:
        """Return whether a base class waits for the commit whenever it sends."""
        if self.leads_to(module, base, DURABLE_BASES):
            return True
        if self.is_known(module, base):
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
        if self.is_known(module, base):
            return False
        definition = self._find(module, base)
        if definition is None or definition.cls is None:
            return True
        return any(self.is_unknown(definition.module, outer) for outer in definition.cls.bases)

    def waits_on_request(self, module: Module, base: str) -> bool:
        """Return whether tasks of a base class certainly have `delay_on_commit`."""
        return self.leads_to(module, base, ON_COMMIT_BASES)

    @cached_property
    def apps_have_on_commit(self) -> bool:
        """Return whether the task classes of the apps have `delay_on_commit`, as Celery's for Django has."""
        return all(self.waits_on_request(module, base) for module, base in self.apps.task_classes)

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
