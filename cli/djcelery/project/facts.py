"""What is known about one file, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

REACH = 3  # how many assignments a name is followed back


@dataclass(slots=True)
class Value:
    """An expression, as far as a rule may want to know it.

    `kind` is one of: const, bytes, name, call, list, tuple, set, dict, comp, lambda, text (an f-string), op, item
    (taken from `recv` by a loop or an index), param, bound (by a `with`), star, other.
    """

    kind: str
    line: int = 0
    col: int = 0
    end_line: int = 0
    end_col: int = 0
    name: str = ""  # the dotted path of a name, or of what a call calls, imports already resolved
    const: Any = None
    items: Sequence[Value] = ()
    keys: Sequence[Value] = ()
    named: dict[str, Value] = field(default_factory=dict)
    recv: Value | None = None  # what an attribute hangs on where that is not a plain name
    origin: Value | None = None  # what a name was bound to last
    reach: int = 0
    wrapped: bool = False  # stands in parentheses of its own
    dot_line: int = 0  # where what is called ends: after `delay` in `send.delay(1)`
    dot_col: int = 0

    @property
    def last(self) -> str:
        """The last part of the dotted path: `delay` of `tasks.send.delay`."""
        return self.name.rpartition(".")[2]

    @property
    def root(self) -> str:
        """The path without its last part."""
        return self.name.rpartition(".")[0]

    @property
    def spread(self) -> bool:
        """Whether a call spreads arguments that cannot be seen."""
        return "**" in self.named or any(item.kind == "star" for item in self.items)

    @property
    def seen(self) -> Value:
        """The value itself, or what the name was bound to."""
        value = self
        while value.kind == "name" and value.origin is not None:
            value = value.origin
        return value

    def pairs(self) -> dict[str, Value]:
        """The entries of a dict (display or call) whose keys are text."""
        if self.kind == "call" and self.name == "dict":
            return {key: value for key, value in self.named.items() if key != "**"}
        return {
            str(key.const): value
            for key, value in zip(self.keys, self.items, strict=False)
            if key.kind == "const" and isinstance(key.const, str)
        }


@dataclass(slots=True)
class Block:
    """A piece of the program that a line can stand in: blocks form a tree by `parent`.

    `kind`: module, class, def, lambda, atomic, with, loop, try, except, finally, if.
    """

    parent: int
    kind: str
    line: int = 0
    col: int = 0
    names: list[str] = field(
        default_factory=list
    )  # loop targets, caught types, what an `if` asks, what a lambda is for
    value: Value | None = None  # the atomic() call, the context manager
    index: int = -1  # of the function or class
    note: str = ""  # the name an except clause binds; the keyword a lambda is given as


@dataclass(slots=True)
class Call:
    """One call, where it stands, and what becomes of its result."""

    value: Value
    block: int
    uses: list[str] = field(default_factory=list)  # discard, assign, return, await, arg, attr:<name>, other


@dataclass(slots=True)
class Param:
    """A parameter of a function."""

    name: str
    kind: str  # pos, kwonly, vararg, kwarg
    default: Value | None = None
    annotation: str = ""


@dataclass(slots=True)
class Function:
    """A function or method."""

    name: str
    qualname: str
    line: int
    col: int
    block: int
    parent: int  # the block it is defined in
    cls: int = -1
    is_async: bool = False
    decorators: list[Value] = field(default_factory=list)
    params: list[Param] = field(default_factory=list)
    yields: bool = False
    inner: list[str] = field(default_factory=list)  # functions defined directly inside
    returned: list[str] = field(default_factory=list)  # names it returns
    end_line: int = 0


@dataclass(slots=True)
class Class:
    """A class, its bases as dotted paths."""

    name: str
    line: int
    col: int
    block: int
    parent: int
    bases: list[str] = field(default_factory=list)
    decorators: list[Value] = field(default_factory=list)
    end_line: int = 0


@dataclass(slots=True)
class Assign:
    """An assignment; `target` is dotted (`app.conf.x`), `how` is `=`, `+=` or `[]`."""

    target: str
    value: Value
    block: int
    how: str
    line: int
    col: int
    key: Value | None = None  # of `target[key] = value`


@dataclass(slots=True)
class Raise:
    """A raise statement; `name` is what it raises, empty for a bare one."""

    block: int
    line: int
    name: str


@dataclass(slots=True)
class Module:
    """Everything read from one file."""

    path: str
    name: str
    is_package: bool = False
    imports: dict[str, str] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    imported: list[str] = field(default_factory=list)  # every module it imports, and every name of it
    blocks: list[Block] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
    classes: list[Class] = field(default_factory=list)
    assigns: list[Assign] = field(default_factory=list)
    raises: list[Raise] = field(default_factory=list)
    global_names: list[tuple[str, int, int]] = field(default_factory=list)  # name, block, line of `global`
    loads: list[tuple[str, int]] = field(default_factory=list)  # exception names used in their handlers
    noqa: dict[int, list[str]] = field(default_factory=dict)
    trouble: str = ""  # why it could not be read
    trouble_line: int = 1

    by_last: dict[str, list[Call]] | None = field(default=None, repr=False, compare=False)

    @property
    def calls_by_last(self) -> dict[str, list[Call]]:
        """The calls by the last part of their path, worked out once."""
        if self.by_last is None:
            self.by_last = {}
            for call in self.calls:
                self.by_last.setdefault(call.value.last, []).append(call)
        return self.by_last

    def called(self, *names: str) -> list[Call]:
        """The calls whose path ends with one of these names, in the order of the text."""
        held = self.calls_by_last
        known = [name for name in names if name in held]
        if len(known) == 1:
            return held[known[0]]
        return [call for call in self.calls if call.value.last in known] if known else []
