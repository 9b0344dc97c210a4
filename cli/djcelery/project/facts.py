"""Define the facts about one file, as plain data."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")
MAX_HOPS = 3  # how many assignments a name is followed back


@dataclass(slots=True)
class Value:
    """Describe an expression, as far as a rule may need it.

    `kind` is one of: const, bytes, name, call, list, tuple, set, dict, comp, lambda, text (an f-string), op, item
    (taken from `receiver` by a loop or an index), param, def (a function inside another), bound (by a `with`), star,
    other.
    """

    kind: str
    line: int = 0
    col: int = 0
    end_line: int = 0
    end_col: int = 0
    name: str = ""  # the dotted path of a name, or of what a call calls, with imports resolved
    const: Any = None
    items: Sequence[Value] = ()  # positional arguments, elements, or the values of a dict
    keys: Sequence[Value] = ()
    keywords: dict[str, Value] = field(default_factory=dict)
    receiver: Value | None = None  # what an attribute is read from, unless it is a plain name
    origin: Value | None = None  # what a name was bound to last
    hops: int = 0
    in_parentheses: bool = False  # stands in parentheses of its own
    dot_line: int = 0  # the end of the called expression: after `delay` in `send.delay(1)`
    dot_col: int = 0

    @property
    def last(self) -> str:
        """Return the last part of the dotted path: `delay` of `tasks.send.delay`."""
        return self.name.rpartition(".")[2]

    @property
    def root(self) -> str:
        """Return the path without its last part."""
        return self.name.rpartition(".")[0]

    @property
    def spreads_arguments(self) -> bool:
        """Return whether a call spreads arguments that cannot be seen."""
        return "**" in self.keywords or any(item.kind == "star" for item in self.items)

    @property
    def resolved(self) -> Value:
        """Return the value itself, or the value that its name was bound to."""
        value = self
        while value.kind == "name" and value.origin is not None:
            value = value.origin
        return value

    def argument(self, position: int, keyword: str) -> Value | None:
        """Return the argument that a call passes by keyword or at a position."""
        by_keyword = self.keywords.get(keyword)
        if by_keyword is None and len(self.items) > position:
            return self.items[position]
        return by_keyword

    def pairs(self) -> dict[str, Value]:
        """Return the entries of a dict (display or call) whose keys are text."""
        if self.kind == "call" and self.name == "dict":
            return {key: value for key, value in self.keywords.items() if key != "**"}
        return {
            str(key.const): value
            for key, value in zip(self.keys, self.items, strict=False)
            if key.kind == "const" and isinstance(key.const, str)
        }

    def texts(self) -> list[str]:
        """Return the texts in an expression: the constant itself, or the default of an environment call."""
        if self.kind == "const":
            return [self.const] if isinstance(self.const, str) else []
        return [text for part in [*self.items, *self.keywords.values()] for text in part.resolved.texts()]


@dataclass(slots=True)
class Block:
    """Describe a piece of the program that a line can stand in; blocks form a tree by `parent`.

    `kind` is one of: module, class, def, lambda, atomic, with, loop, try, except, else, finally, if.
    """

    parent: int
    kind: str
    line: int = 0
    col: int = 0
    # Loop targets, caught types, names in the test of an `if`, the function that a lambda is passed to.
    names: list[str] = field(default_factory=list)
    value: Value | None = None  # the atomic() call, the context manager, the test of an `if`
    index: int = -1  # of the function, of the class, or of the `try` of an `except`
    bound_name: str = ""  # of an except clause


@dataclass(slots=True)
class Call:
    """Describe one call: where it stands, and how its result is used."""

    value: Value
    block: int
    uses: list[str] = field(default_factory=list)  # discard, assign, return, await, arg, attr:<name>, other


@dataclass(slots=True)
class Param:
    """Describe a parameter of a function."""

    name: str
    kind: str  # pos, kwonly, vararg, kwarg
    default: Value | None = None
    annotation: str = ""


@dataclass(slots=True)
class Function:
    """Describe a function or method."""

    name: str
    qualname: str
    line: int
    col: int
    block: int
    parent: int  # the block it is defined in
    class_index: int = -1
    is_async: bool = False
    decorators: list[Value] = field(default_factory=list)
    params: list[Param] = field(default_factory=list)
    yields: bool = False
    inner_functions: list[str] = field(default_factory=list)  # those defined directly inside
    returned_names: list[str] = field(default_factory=list)
    end_line: int = 0


@dataclass(slots=True)
class Class:
    """Describe a class, with its bases as dotted paths."""

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
    """Describe an assignment; `target` is dotted (`app.conf.x`), `operator` is `=`, `+=` or `[]`."""

    target: str
    value: Value
    block: int
    operator: str
    line: int
    col: int
    key: Value | None = None  # of `target[key] = value`


@dataclass(slots=True)
class Raise:
    """Describe a raise, return or yield; `name` is what it raises, `<return>` and the like, or empty (`raise`)."""

    block: int
    line: int
    name: str


@dataclass(slots=True)
class Module:
    """Hold everything read from one file."""

    path: str
    name: str
    is_package: bool = False
    imports: dict[str, str] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    imported: list[str] = field(default_factory=list)  # every imported module, and every name imported from it
    blocks: list[Block] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
    classes: list[Class] = field(default_factory=list)
    assigns: list[Assign] = field(default_factory=list)
    raises: list[Raise] = field(default_factory=list)
    global_names: list[tuple[str, int, int]] = field(default_factory=list)  # name, block, line of `global`
    exception_uses: list[tuple[str, int]] = field(default_factory=list)  # name and block of each use in a handler
    noqa: dict[int, list[str]] = field(default_factory=dict)
    read_error: str = ""  # why it could not be read
    read_error_line: int = 1

    _call_positions: dict[str, list[int]] | None = field(default=None, repr=False, compare=False)
    _positions_by_last: dict[str, list[int]] | None = field(default=None, repr=False, compare=False)
    _assign_positions: dict[str, list[int]] | None = field(default=None, repr=False, compare=False)
    _ranges: Ranges | None = field(default=None, repr=False, compare=False)
    _remembered: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def remembered(self, name: str, work_out: Callable[[Module], T]) -> T:
        """Return what a function works out about this module; the function runs once."""
        if name not in self._remembered:
            self._remembered[name] = work_out(self)
        result: T = self._remembered[name]
        return result

    @property
    def inside(self) -> Ranges:
        """Return what finds the calls, raises and assignments in a block and in those inside of it."""
        if self._ranges is None:
            self._ranges = Ranges(self)
        return self._ranges

    @property
    def call_positions(self) -> dict[str, list[int]]:
        """Return the positions of the calls in the list of all, by their path."""
        if self._call_positions is None:
            self._call_positions = positions_of_each(call.value.name for call in self.calls)
        return self._call_positions

    @property
    def positions_by_last(self) -> dict[str, list[int]]:
        """Return the positions of the calls by the last part of their path."""
        if self._positions_by_last is None:
            self._positions_by_last = {}
            for path, positions in self.call_positions.items():
                self._positions_by_last.setdefault(path.rpartition(".")[2], []).extend(positions)
        return self._positions_by_last

    @property
    def assign_positions(self) -> dict[str, list[int]]:
        """Return the positions of the assignments in the list of all, by their target."""
        if self._assign_positions is None:
            self._assign_positions = positions_of_each(assign.target for assign in self.assigns)
        return self._assign_positions

    def item_at(self, name: str, position: int) -> Any:
        """Return what is at a position of the list with this name."""
        return getattr(self, name)[position]

    def items_at(self, name: str, positions: Iterable[int]) -> list[Any]:
        """Return what is at some positions of the list with this name, in the order of the text."""
        items = getattr(self, name)
        return [items[position] for position in sorted(positions)]

    def calls_at(self, positions: Iterable[int]) -> list[Call]:
        """Return the calls at some positions, in the order of the text."""
        return self.items_at("calls", positions)

    def assigns_where(self, is_wanted: Callable[[str], bool]) -> list[Assign]:
        """Return the assignments to wanted targets, in the order of the text."""
        wanted = [places for target, places in self.assign_positions.items() if is_wanted(target)]
        return self.items_at("assigns", [position for places in wanted for position in places])

    def calls_to(self, *names: str) -> list[Call]:
        """Return the calls whose path ends with one of these names, in the order of the text."""
        by_last = self.positions_by_last
        positions = [position for name in {*names} for position in by_last.get(name, ())]
        return self.calls_at(positions) if positions else []

    def calls_of(self, paths: Collection[str]) -> list[Call]:
        """Return the calls of these paths, in the order of the text."""
        by_path = self.call_positions
        positions = [position for path in paths for position in by_path.get(path, ())]
        return self.calls_at(positions) if positions else []


def positions_of_each(names: Iterable[str]) -> dict[str, list[int]]:
    """Return at which positions each name stands."""
    positions: dict[str, list[int]] = {}
    for position, name in enumerate(names):
        positions.setdefault(name, []).append(position)
    return positions


class Ranges:
    """Find what stands in a block or deeper without a look at the rest of the module.

    Blocks are numbered as they begin in the text, so that those inside of one follow it.
    """

    def __init__(self, module: Module) -> None:
        self._ends = [index + 1 for index in range(len(module.blocks))]
        for index in range(len(module.blocks) - 1, 0, -1):
            parent = module.blocks[index].parent
            self._ends[parent] = max(self._ends[parent], self._ends[index])
        self._calls = by_block([call.block for call in module.calls], module.calls)
        self._raises = by_block([statement.block for statement in module.raises], module.raises)
        self._assigns = by_block([assign.block for assign in module.assigns], module.assigns)

    def calls(self, block: int) -> list[Call]:
        """Return the calls in a block, in the order of the text."""
        return self._in_range(self._calls, block)

    def raises(self, block: int) -> list[Raise]:
        """Return the raise and return statements in a block."""
        return self._in_range(self._raises, block)

    def assigns(self, block: int) -> list[Assign]:
        """Return the assignments in a block."""
        return self._in_range(self._assigns, block)

    def _in_range(self, numbered: dict[int, list[tuple[int, T]]], block: int) -> list[T]:
        pairs = [pair for inner in range(block, self._ends[block]) for pair in numbered.get(inner, ())]
        return [item for _, item in sorted(pairs, key=lambda pair: pair[0])]


def by_block(blocks: list[int], items: Sequence[T]) -> dict[int, list[tuple[int, T]]]:
    """Return items with their positions, by the block that each stands in."""
    numbered: dict[int, list[tuple[int, T]]] = {}
    for position, (block, item) in enumerate(zip(blocks, items, strict=True)):
        numbered.setdefault(block, []).append((position, item))
    return numbered
