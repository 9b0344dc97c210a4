"""Find the places that send a task or make a signature of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from djcelery.project import context
from djcelery.project.apps import Apps
from djcelery.project.celery_names import CANVAS, CHUNKING, ENQUEUING, SENDING, SIGNING
from djcelery.project.facts import Block, Call, Function, Module, Value
from djcelery.project.lookup import Lookup
from djcelery.project.roles import Roles
from djcelery.project.tasks import Task, Tasks
from djcelery.project.transactions import Transactions

METHODS = SENDING | SIGNING | ENQUEUING
RETURNING_ITSELF = frozenset({"set", "clone", "on_error"})  # methods of a signature that return a signature
MAX_NESTING = 5
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
    canvas_starts_with: Sequence[Task | None] = ()  # the tasks of it that are sent at once
    transaction: Block | Value | None = None  # what puts it into one
    saves: bool = False  # whether it stands in the save or delete of a model, form, serializer or admin
    in_view: bool = False

    @property
    def value(self) -> Value:
        """Return the call itself."""
        return self.call.value

    @property
    def is_signature(self) -> bool:
        """Return whether this only makes a signature."""
        return self.method in SIGNING

    @property
    def passes_arguments(self) -> bool:
        """Return whether the method takes the arguments of the task as its own."""
        return self.method in {"delay", "delay_on_commit"} | ENQUEUING

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
        if any(task is not None and task.sends_on_commit for task in self.first_tasks):
            return False
        return not self.after_commit or self.transaction is not None

    @property
    def first_tasks(self) -> Sequence[Task | None]:
        """Return the tasks that are sent here and now."""
        return self.canvas_starts_with or [self.task]

    @property
    def after_commit(self) -> bool:
        """Return whether it stands in something that runs after the commit."""
        return context.after_commit(self.module, self.call.block)

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
        takes_them_itself = self.passes_arguments or self.is_signature
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

    def __init__(
        self, modules: list[Module], lookup: Lookup, apps: Apps, tasks: Tasks, transactions: Transactions, roles: Roles
    ) -> None:
        self.modules = modules
        self.lookup = lookup
        self.apps = apps
        self.tasks = tasks
        self.transactions = transactions
        self.roles = roles

    @cached_property
    def all(self) -> list[Site]:
        """Return every site, those in tests included."""
        return [site for module in self.modules for site in self._in_module(module)]

    @cached_property
    def own(self) -> list[Site]:
        """Return every site outside tests."""
        return [site for site in self.all if not site.in_tests]

    def _in_module(self, module: Module) -> Iterator[Site]:
        """Find the sites of a module, and what is around each of them."""
        paths = [path for path in module.call_positions if may_be_site(path)]
        for call in module.calls_of(paths):
            find = self._site if call.value.last in METHODS else self._called
            site = find(module, call)
            if site is not None:
                site.transaction = self.transactions.around(module, call.block)
                if site.function is not None:
                    site.saves = self.roles.is_saving(module, site.function)
                    site.in_view = self.roles.is_view(module, site.function)
                yield site

    def _called(self, module: Module, call: Call) -> Site | None:
        """Return the site of a call of a canvas, of chunks, or of a method that a variable holds."""
        value = call.value
        if value.receiver is None:
            return None
        receiver = signature_itself(value.receiver)
        if receiver.kind == "name" and receiver.last in SENDING and receiver.root:  # send = task.delay
            task = self.tasks.at(module, receiver.root)
            return Site(module, call, receiver.last, task, receiver.root, True) if task is not None else None
        is_canvas = receiver.kind == "call" and receiver.name in CANVAS
        is_chain = receiver.kind == "op" and receiver.name == "BitOr"
        is_chunks = receiver.kind == "call" and receiver.last == "chunks"
        return self._on_signature(module, call, receiver, "call") if is_canvas or is_chain or is_chunks else None

    def _site(self, module: Module, call: Call) -> Site | None:
        """Return the site that a call is, or None where it has nothing to do with a task."""
        value = call.value
        method, root = value.last, value.root
        if method == "signature" and value.name in SIGNATURE:
            return self._by_name(module, call, "signature")
        if method in ENQUEUING:
            return self._enqueued(module, call)
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
        if receiver is not None and receiver.kind in {"call", "op"}:
            return self._on_signature(module, call, signature_itself(receiver), method)
        return self._on_unknown(module, call)

    def _enqueued(self, module: Module, call: Call) -> Site | None:
        """Return the site of `task.enqueue(1)` and of `task.using(priority=5).enqueue(1)`."""
        value, path = call.value, call.value.root
        while value.receiver is not None and value.receiver.resolved.last == "using":
            value = value.receiver.resolved
            path = value.root
        task = self.tasks.at(module, path) if path else None
        if task is None or task.declared_by != "django":
            return None
        return Site(module, call, call.value.last, task, path, True)

    def _by_name(self, module: Module, call: Call, method: str) -> Site:
        """Return the site of a task that is named by a text."""
        name = self.lookup.text(module, call.value.argument(0, "name"))
        task = self.tasks.by_name.get(name) if name else None
        return Site(module, call, method, task, name or "?", True)

    def _on_signature(self, module: Module, call: Call, receiver: Value, method: str) -> Site | None:
        """Return the site of a method that is called on a signature or a canvas."""
        if receiver.kind == "op" and receiver.name == "BitOr":
            starts_with = self._starting(module, receiver)
            known = any(task is not None for task in starts_with)
            return self._on_canvas(module, call, receiver, method, "chain") if known else None
        if receiver.kind != "call":
            return None
        if receiver.last in SIGNING | CHUNKING and receiver.root:
            task = self.tasks.at(module, receiver.root)
            return Site(module, call, method, task, receiver.root, True, sent_signature=receiver) if task else None
        if receiver.name in CANVAS:
            return self._on_canvas(module, call, receiver, method, receiver.last)
        if receiver.name == "celery.signature":
            return Site(module, call, method, None, receiver.name, True, sent_signature=receiver)
        return None

    def _on_canvas(self, module: Module, call: Call, receiver: Value, method: str, kind: str) -> Site:
        starts_with = self._starting(module, receiver)
        return Site(module, call, method, None, kind, True, canvas=kind, canvas_starts_with=starts_with)

    def _starting(self, module: Module, value: Value, depth: int = 0) -> list[Task | None]:
        """Return the tasks of a signature or canvas that are sent first; None for one that cannot be seen."""
        value = signature_itself(value)
        if depth > MAX_NESTING:
            return [None]
        if value.kind == "op" and value.name == "BitOr":
            return self._starting(module, value.items[0], depth + 1)
        if value.kind == "call" and value.last in SIGNING | CHUNKING and value.root:
            return [self.tasks.at(module, value.root)]
        if value.kind == "call" and value.name in CANVAS:
            parts = value.items[:1] if value.last in {"chain", "chord"} else value.items
            return [task for part in parts for task in self._starting(module, part, depth + 1)] or [None]
        if value.kind in {"list", "tuple", "comp"}:
            return [task for part in value.items for task in self._starting(module, part, depth + 1)] or [None]
        return [None]

    def _on_unknown(self, module: Module, call: Call) -> Site | None:
        """Return the site of a task that cannot be found, where the call only makes sense for one."""
        method, root = call.value.last, call.value.root
        likely = method in ON_COMMIT or (".tasks." in root and method not in SIGNING)
        return Site(module, call, method, None, root, False) if likely and "(" not in root and "?" not in root else None


def may_be_site(path: str) -> bool:
    """Return whether a call of a path may send a task: it is one of a method for that, or of what a value holds."""
    return "." not in path or path.endswith("()") or path.rpartition(".")[2] in METHODS


def signature_itself(value: Value) -> Value:
    """Return the signature on which only such methods are called that return it again."""
    value = value.resolved
    while value.kind == "call" and value.last in RETURNING_ITSELF and value.receiver is not None:
        value = value.receiver.resolved
    return value
