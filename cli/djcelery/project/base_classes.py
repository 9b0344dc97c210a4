"""Tell what the base class of a task changes about it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from djcelery.project.apps import Apps
from djcelery.project.celery_names import SENDING, SIGNING
from djcelery.project.context import function_of
from djcelery.project.facts import Assign, Module, Value
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
        return any(definition and defined_names(definition) & names for definition in self._of_project(module, base))

    def changes_calls(self, module: Module, base: str) -> bool:
        """Return whether a base class certainly overrides a way to call or to send a task."""
        return self.overrides(module, base, CALLING)

    def changes_messages(self, module: Module, base: str) -> bool:
        """Return whether a base class certainly overrides how a task is sent or serialized."""
        return self.overrides(module, base, SENDING | SIGNING | {"serializer"})

    def leads_to(self, module: Module, base: str, known: frozenset[str]) -> bool:
        """Return whether a base class is, or inherits from, one of these."""
        return any(
            ancestor.replace(":", ".") in known or (definition is not None and definition.path in known)
            for _, ancestor, definition in self.lookup.ancestors(module, base)
        )

    def attribute(self, module: Module, base: str, name: str) -> Value | None:
        """Return the value that a base class, or one that it inherits from, gives to an attribute."""
        for definition in self._of_project(module, base):
            for assign in own_assigns(definition) if definition is not None else ():
                if assign.target == name:
                    return assign.value
        return None

    def sends_on_commit(self, module: Module, base: str) -> bool:
        """Return whether a base class waits for the commit whenever it sends; `is_unknown` tells of unseen ones."""
        return self.leads_to(module, base, DURABLE_BASES) or any(
            definition and method_sends_on_commit(definition) for definition in self._of_project(module, base)
        )

    def is_unknown(self, module: Module, base: str) -> bool:
        """Return whether a base class, or one that it inherits from, cannot be seen."""
        return any(definition is None for definition in self._of_project(module, base))

    def waits_on_request(self, module: Module, base: str) -> bool:
        """Return whether tasks of a base class certainly have `delay_on_commit`."""
        return self.leads_to(module, base, ON_COMMIT_BASES) or self._leads_to_task_of_app(module, base)

    def _leads_to_task_of_app(self, module: Module, base: str) -> bool:
        """Return whether a base class inherits from `app.Task`, which under Django is Celery's class for Django."""
        for home, ancestor, _ in self.lookup.ancestors(module, base):
            root, _, last = ancestor.rpartition(".")
            if ancestor not in CELERY_BASES and last == "Task" and root and self.apps.is_app(home, root):
                return not self.apps.task_classes
        return False

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

    def _of_project(self, module: Module, base: str) -> Iterator[Definition | None]:
        """Yield the definitions of a base class and of those above it, without known ones; None for one unseen."""
        for home, ancestor, definition in self.lookup.ancestors(module, base, stops=self.is_known):
            if not self.is_known(home, ancestor):
                yield definition


def own_assigns(definition: Definition) -> list[Assign]:
    """Return the assignments in the body of a class."""
    return definition.module.inside.assigns(definition.cls.block) if definition.cls is not None else []


def defined_names(definition: Definition) -> set[str]:
    """Return the methods and attributes that a class itself defines."""
    prefix = f"{definition.name}."
    methods = {function.name for function in definition.module.functions if function.qualname.startswith(prefix)}
    return methods | {assign.target for assign in own_assigns(definition)}


def method_sends_on_commit(definition: Definition) -> bool:
    """Return whether a class defines a way to send that waits for the commit."""
    home, sending = definition.module, {f"{definition.name}.{method}" for method in SENDING}
    for call in home.calls:
        function = function_of(home, call.block)
        if "commit" in call.value.last and function is not None and function.qualname in sending:
            return True
    return False
