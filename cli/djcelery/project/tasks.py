"""Celery's things as a project has them: apps, tasks in every form, where they are sent, the schedule, the routes."""

from __future__ import annotations

from dataclasses import dataclass, field

from djcelery.project import context
from djcelery.project.facts import Block, Call, Class, Function, Module, Param, Value

SHARED = frozenset(
    "celery.shared_task celery.app.shared_task celery.task celery.task.task celery.decorators.task "
    "celery.task.periodic_task celery.decorators.periodic_task celery.task.base.periodic_task".split()
)
SENDING = frozenset("delay apply_async delay_on_commit apply_async_on_commit send_task apply".split())
SIGNING = frozenset("s si signature subtask".split())
CANVAS = frozenset(f"celery.{module}{kind}" for module in ("", "canvas.") for kind in ("chain", "group", "chord"))
APP_NAMES = frozenset("app celery celery_app celeryapp current_app".split())
BASES = frozenset(
    "object celery.contrib.django.task.DjangoTask celery.Task celery.app.task.Task celery.task.Task "
    "celery.task.base.Task".split()
)


@dataclass(slots=True)
class App:
    """A `Celery(...)`."""

    module: Module
    call: Value
    variable: str
    namespace: str | None = None  # None where it does not read Django's settings


@dataclass(slots=True)
class Task:
    """A task: its definition, the options it is declared with, and how sure that is."""

    name: str  # as Celery registers it, as far as the text tells
    module: Module
    function: Function | None
    options: dict[str, Value]
    line: int
    col: int
    how: str  # shared_task, app.task, wrapper, class, call
    decorator: Value | None = None
    spread: bool = False  # options that cannot be seen are spread into it
    named: bool = False  # its name is given
    method: bool = False
    cls: Class | None = None
    bases: list[str] = field(default_factory=list)
    custom: bool = False  # a base class or wrapper may change what it is called with
    decorated: bool = False  # so may another decorator below
    rerouted: bool = False  # a base class has its own way of sending
    unseen: bool = False  # a base class cannot be seen

    @property
    def bound(self) -> bool:
        """Whether the function gets the task itself first."""
        value = self.options.get("bind")
        return self.how == "class" or (value is not None and value.const is True)

    @property
    def params(self) -> list[Param] | None:
        """The parameters a caller fills; None where they cannot be known."""
        return None if self.decorated else self.likely_params

    @property
    def likely_params(self) -> list[Param] | None:
        """The same, if the decorators below the task's own pass on what they are given, as most do."""
        if (
            self.function is None
            or self.how == "wrapper"
            or self.custom
            or (self.spread and "bind" not in self.options)
        ):
            return None
        params = self.function.params
        return params[1:] if self.bound or self.method else params

    def number(self, option: str) -> float | None:
        """An option that is a plain number."""
        value = self.options.get(option)
        const = value.const if value is not None and value.kind == "const" else None
        return const if isinstance(const, int | float) and not isinstance(const, bool) else None

    def true(self, option: str) -> bool:
        """Whether an option is given and on."""
        value = self.options.get(option)
        return value is not None and value.const is True


@dataclass(slots=True)
class Site:
    """A place that sends a task, or makes a signature of one."""

    module: Module
    call: Call
    method: str
    task: Task | None
    target: str  # what is sent, as written
    certain: bool  # that this is Celery at all
    signed: Value | None = None  # the signature that is sent: `t.s(1).delay()`
    canvas: str = ""  # chain, group or chord

    @property
    def value(self) -> Value:
        """The call itself."""
        return self.call.value

    @property
    def signature(self) -> bool:
        """Whether this only makes a signature."""
        return self.method in SIGNING

    @property
    def deferred(self) -> bool:
        """Whether it waits for the commit by itself."""
        return self.method.endswith("_on_commit")

    @property
    def sends(self) -> bool:
        """Whether a message leaves here and now."""
        return self.seems_to_send and not (self.task is not None and self.task.unseen)

    @property
    def seems_to_send(self) -> bool:
        """The same, unless a base class that cannot be seen has its own way of sending."""
        if self.signature or self.deferred or self.method == "apply" or (self.task is not None and self.task.rerouted):
            return False
        return not self.after_commit or self.transaction is not None

    @property
    def after_commit(self) -> bool:
        """Whether it stands in something that runs after the commit."""
        return context.after_commit(self.module, self.call.block)

    @property
    def transaction(self) -> Block | Value | None:
        """What puts it into a transaction."""
        return context.transaction_of(self.module, self.call.block)

    @property
    def function(self) -> Function | None:
        """The function it stands in."""
        return context.function_of(self.module, self.call.block)

    @property
    def test(self) -> bool:
        """Whether it stands in a test."""
        return context.is_test(self.module.path)

    @property
    def used(self) -> bool:
        """Whether anything is done with what it returns."""
        return self.call.uses != ["discard"] and self.call.uses != ["lambda"]

    @property
    def shown(self) -> str:
        """The task in the author's words."""
        return self.target.rpartition(".")[2].removesuffix("()") or "the task"

    def arguments(self) -> list[Value]:
        """Everything the task itself is given, as far as it can be seen."""
        if self.method in {"delay", "delay_on_commit"} or self.signature:
            return (
                [*(item for item in self.value.items), *self.value.named.values()]
                if self.method != "signature"
                else self.packed()
            )
        return self.packed()

    def packed(self) -> list[Value]:
        """The arguments inside `args=` and `kwargs=`."""
        args, kwargs = self.packed_args(), self.packed_kwargs()
        found = list(args.items) if args is not None and args.kind in {"list", "tuple"} else []
        if kwargs is not None:
            found += kwargs.items if kwargs.kind == "dict" else list(kwargs.pairs().values())
        return found

    def packed_args(self) -> Value | None:
        """What is given as `args`."""
        place = 1 if self.method == "send_task" else 0
        found = self.value.named.get("args")
        if found is None and len(self.value.items) > place:
            found = self.value.items[place]
        return found.seen if found is not None else None

    def packed_kwargs(self) -> Value | None:
        """What is given as `kwargs`."""
        place = 2 if self.method == "send_task" else 1
        found = self.value.named.get("kwargs")
        if found is None and len(self.value.items) > place:
            found = self.value.items[place]
        return found.seen if found is not None else None


@dataclass(slots=True)
class Entry:
    """An entry of the beat schedule."""

    name: str
    module: Module
    line: int
    col: int
    value: Value
    task_name: str
    task: Task | None
    parts: dict[str, Value]
    testing: bool = False


@dataclass(slots=True)
class Route:
    """One line of task_routes."""

    pattern: str
    queue: str
    module: Module
    line: int
    col: int
