"""Find the places that send a task or make a signature of one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from djcelery.project import context
from djcelery.project.apps import Apps
from djcelery.project.celery_names import CANVAS, SENDING, SIGNING
from djcelery.project.facts import Block, Call, Function, Module, Value
from djcelery.project.lookup import Lookup
from djcelery.project.tasks import Task, Tasks

SIGNATURE = frozenset({"celery.signature", "celery.canvas.signature"})
ON_COMMIT = frozenset({"delay_on_commit", "apply_async_on_commit"})  # no library but Celery has these methods


@dataclass(slots=True)
class Site:
    """Describe a place that sends a task, or makes a signature of one."""

    module: Module
    call: Call
    method: str
    task: Task | None
    target: str  # what is sent, as written
    certain: bool  # whether this is certainly Celery
    sent_signature: Value | None = None  # `t.s(1)` of `t.s(1).delay()`
    canvas: str = ""  # chain, group or chord

    @property
    def value(self) -> Value:
        """Return the call itself."""
        return self.call.value

    @property
    def is_signature(self) -> bool:
        """Return whether this only makes a signature."""
        return self.method in SIGNING

    @property
    def is_deferred(self) -> bool:
        """Return whether the method itself waits for the commit."""
        return self.method.endswith("_on_commit")

    @property
    def sends(self) -> bool:
        """Return whether a message leaves here and now."""
        return self.seems_to_send and not (self.task is not None and self.task.has_unknown_base)

    @property
    def seems_to_send(self) -> bool:
        """Return whether a message leaves here and now, unless a base class that cannot be seen sends otherwise."""
        if self.is_signature or self.is_deferred or self.method == "apply":
            return False
        if self.task is not None and self.task.sends_on_commit:
            return False
        return not self.after_commit or self.transaction is not None

    @property
    def after_commit(self) -> bool:
        """Return whether it stands in something that runs after the commit."""
        return context.after_commit(self.module, self.call.block)

    @property
    def transaction(self) -> Block | Value | None:
        """Return what puts it into a transaction."""
        return context.transaction_of(self.module, self.call.block)

    @property
    def function(self) -> Function | None:
        """Return the function it stands in."""
        return context.function_of(self.module, self.call.block)

    @property
    def in_tests(self) -> bool:
        """Return whether it stands in a test."""
        return context.is_test(self.module.path)

    @property
    def result_is_used(self) -> bool:
        """Return whether anything is done with the result of the call."""
        return self.call.uses not in (["discard"], ["lambda"])

    @property
    def display_name(self) -> str:
        """Return the task in the author's words."""
        return self.target.rpartition(".")[2].removesuffix("()") or "the task"

    def arguments(self) -> list[Value]:
        """Return every argument of the task, as far as it can be seen."""
        takes_them_itself = self.method in {"delay", "delay_on_commit"} or self.is_signature
        if takes_them_itself and self.method != "signature":
            return [*self.value.items, *self.value.keywords.values()]
        return self._packed_arguments()

    def packed_args(self) -> Value | None:
        """Return the value of `args`."""
        args = self.value.argument(1 if self.method == "send_task" else 0, "args")
        return args.resolved if args is not None else None

    def packed_kwargs(self) -> Value | None:
        """Return the value of `kwargs`."""
        kwargs = self.value.argument(2 if self.method == "send_task" else 1, "kwargs")
        return kwargs.resolved if kwargs is not None else None

    def _packed_arguments(self) -> list[Value]:
        args, kwargs = self.packed_args(), self.packed_kwargs()
        arguments = list(args.items) if args is not None and args.kind in {"list", "tuple"} else []
        if kwargs is not None:
            arguments += kwargs.items if kwargs.kind == "dict" else list(kwargs.pairs().values())
        return arguments


class DispatchSites:
    """Find every dispatch site of a code base."""

    def __init__(self, modules: list[Module], lookup: Lookup, apps: Apps, tasks: Tasks) -> None:
        self.modules = modules
        self.lookup = lookup
        self.apps = apps
        self.tasks = tasks

    @cached_property
    def all(self) -> list[Site]:
        """Return every site, those in tests included."""
        return [
            site
            for module in self.modules
            for call in module.calls_to(*SENDING, *SIGNING)
            if (site := self._site(module, call))
        ]

    @cached_property
    def own(self) -> list[Site]:
        """Return every site outside tests."""
        return [site for site in self.all if not site.in_tests]

    def _site(self, module: Module, call: Call) -> Site | None:
        """Return the site that a call is, or None where it has nothing to do with a task."""
        value = call.value
        method, root = value.last, value.root
        if method == "signature" and value.name in SIGNATURE:
            return self._by_name(module, call, "signature")
        if not root or root == "self":
            return None
        if method == "send_task":
            return self._by_name(module, call, method) if self.apps.is_app(module, root) else None
        task = self.tasks.at(module, root.removesuffix("()"))
        if task is not None:
            return Site(module, call, method, task, root, True)
        receiver = value.receiver.resolved if value.receiver is not None else None
        if receiver is not None and receiver.kind == "name":
            task = self.tasks.at(module, receiver.name)
            return Site(module, call, method, task, receiver.name, True) if task else None
        if receiver is not None and receiver.kind == "call":
            return self._on_call(module, call, receiver)
        return self._on_unknown(module, call)

    def _by_name(self, module: Module, call: Call, method: str) -> Site:
        """Return the site of a task that is named by a text."""
        name = self.lookup.text(module, call.value.argument(0, "name"))
        task = self.tasks.by_name.get(name) if name else None
        return Site(module, call, method, task, name or "?", True)

    def _on_call(self, module: Module, call: Call, receiver: Value) -> Site | None:
        """Return the site of a method that is called on a signature or a canvas."""
        method = call.value.last
        if receiver.last in SIGNING and receiver.root:
            task = self.tasks.at(module, receiver.root)
            return Site(module, call, method, task, receiver.root, True, sent_signature=receiver) if task else None
        if receiver.name in CANVAS:
            return Site(module, call, method, None, receiver.name, True, canvas=receiver.last)
        if receiver.name == "celery.signature":
            return Site(module, call, method, None, receiver.name, True, sent_signature=receiver)
        return None

    def _on_unknown(self, module: Module, call: Call) -> Site | None:
        """Return the site of a task that cannot be found, where the call only makes sense for one."""
        method, root = call.value.last, call.value.root
        likely = method in ON_COMMIT or (".tasks." in root and method not in SIGNING)
        return Site(module, call, method, None, root, False) if likely and "(" not in root and "?" not in root else None
