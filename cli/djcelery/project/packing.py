"""Pack facts into bytes, which cross processes and stand in the cache, and unpack them no further than is asked for.

The values of a file are in one table, each after those it is made of, and everything else refers to them by row
number, so that a value that many names lead to is stored once. Row 0 stands for no value.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

from djcelery.project.context import find_assigned_calls, find_called, find_decorated, find_definitions
from djcelery.project.facts import Assign, Block, Call, Class, Function, Module, Param, Raise, Value

Rows = list[Any]
REQUIRED_CELLS = 9  # the cells that every row of a value has; empty ones after them are left out
EMPTY_CELLS: Rows = [(), (), {}, 0, 0, 0]
NAMES_OF_CELLS = (
    *("kind", "line", "col", "end_line", "end_col", "dot_line", "dot_col", "name", "const"),
    *("items", "keys", "keywords", "receiver", "origin", "in_parentheses"),
)
KIND, NAME = 0, 7
REMEMBERED: dict[str, Callable[[Module], Any]] = {  # kept with the facts
    "definitions": find_definitions,
    "decorated functions": find_decorated,
    "assigned calls": find_assigned_calls,
    "called in functions": find_called,
}
CELLS = {name: cell for cell, name in enumerate(NAMES_OF_CELLS)}


def pack(module: Module) -> bytes:
    """Return the facts of a file as bytes."""
    if isinstance(module, PackedModule):
        return module.packed
    head, names, *lists = rows_of(module)
    return marshal.dumps([head, names, *map(marshal.dumps, lists)])


def rows_of(module: Module) -> Rows:
    """Return the facts of a file as rows."""
    table = ValueTable()
    number, numbers = table.number, table.numbers
    head = [module.path, module.name, module.is_package, module.read_error, module.read_error_line]
    names = [module.imports, module.stars, module.imported, module.global_names, module.exception_uses, module.noqa]
    names += [
        module.call_positions,
        module.assign_positions,
        {name: module.remembered(name, find) for name, find in REMEMBERED.items()},
    ]
    lists = [
        [[b.parent, b.kind, b.line, b.col, b.names, number(b.value), b.index, b.bound_name] for b in module.blocks],
        [[number(call.value), call.block, call.uses] for call in module.calls],
        [pack_function(function, table) for function in module.functions],
        [
            [c.name, c.line, c.col, c.block, c.parent, c.bases, numbers(c.decorators), c.end_line]
            for c in module.classes
        ],
        [[a.target, number(a.value), a.block, a.operator, a.line, a.col, number(a.key)] for a in module.assigns],
        [[statement.block, statement.line, statement.name] for statement in module.raises],
    ]
    return [head, names, *lists, table.rows]


class PackedModule(Module):
    """Hold the facts of a file packed, and unpack each list of them when it is first asked for."""

    __slots__ = ("known_items", "packed", "packed_lists", "rows", "values")

    def __init__(self, packed: bytes) -> None:
        self.packed = packed
        head, names, *lists, values = marshal.loads(packed)  # noqa: S302 - from our own child or cache
        self.path, self.name, self.is_package, self.read_error, self.read_error_line = head
        self.imports, self.stars, self.imported, self.global_names, self.exception_uses, self.noqa, *names = names
        self.packed_lists: dict[str, bytes] = dict(zip(UNPACKING, lists, strict=True))
        self.rows: dict[str, Rows] = {}  # of the lists that were asked for
        self.values = Values(values)
        self.known_items: dict[str, dict[int, Any]] = {}  # those unpacked alone, by their list and position
        self._call_positions, self._assign_positions, self._remembered = names
        self._positions_by_last, self._ranges = None, None

    def __getattr__(self, name: str) -> Any:
        """Return a list, unpacked now; Python asks here for what has not been set yet."""
        if name not in UNPACKING:
            raise AttributeError(name)
        unpacked = self.items_at(name, range(len(self._rows(name))))
        del self.packed_lists[name], self.rows[name]
        self.known_items.pop(name, None)
        setattr(self, name, unpacked)
        return unpacked

    def _rows(self, name: str) -> Rows:
        """Return the rows of a list that has not been unpacked as a whole."""
        if name not in self.rows:
            self.rows[name] = marshal.loads(self.packed_lists[name])  # noqa: S302 - from our own child or cache
        return self.rows[name]

    def item_at(self, name: str, position: int) -> Any:
        """Return what is at a position of the list with this name, and unpack nothing else."""
        if name not in self.packed_lists:
            return super().item_at(name, position)
        known = self.known_items.setdefault(name, {})
        if position not in known:
            known[position] = UNPACKING[name](self._rows(name)[position], self.values)
        return known[position]

    def items_at(self, name: str, positions: Iterable[int]) -> list[Any]:
        """Return what is at some positions of the list with this name, in the order of the text."""
        return [self.item_at(name, position) for position in sorted(positions)]


class ValueTable:
    """Collect the rows of values, and know which row each value has."""

    def __init__(self) -> None:
        self.rows: Rows = []
        self.numbers_by_id: dict[int, int] = {}

    def number(self, value: Value | None) -> int:
        """Return the row number of a value, and add its row if it has none yet."""
        if value is None:
            return 0
        known = self.numbers_by_id.get(id(value))
        if known is not None:
            return known
        row = [
            value.kind,
            value.line,
            value.col,
            value.end_line,
            value.end_col,
            value.dot_line,
            value.dot_col,
            value.name,
            value.const,
            self.numbers(value.items),
            self.numbers(value.keys),
            {key: self.number(argument) for key, argument in value.keywords.items()} if value.keywords else 0,
            self.number(value.receiver),
            self.number(value.origin),
            int(value.in_parentheses),
        ]
        while len(row) > REQUIRED_CELLS and not row[-1]:
            row.pop()
        self.rows.append(row)
        self.numbers_by_id[id(value)] = len(self.rows)
        return len(self.rows)

    def numbers(self, values: Iterable[Value]) -> list[int]:
        """Return the row numbers of some values."""
        return [self.number(value) for value in values]


class Values:
    """Give the values of a table by row number."""

    def __init__(self, packed: bytes) -> None:
        self.packed = packed
        self.known: dict[int, Any] = {0: None}

    @cached_property
    def rows(self) -> Rows:
        """Return the rows, unpacked when the first value is asked for."""
        rows: Rows = marshal.loads(self.packed)  # noqa: S302 - from our own child or cache
        return rows

    def __getitem__(self, number: int) -> Any:
        if number not in self.known:
            value = self.known[number] = PackedValue.__new__(PackedValue)
            row = value.row = self.rows[number - 1]
            value.values, value.hops = self, 0  # only the reader needs hops
            value.kind, value.name = row[KIND], row[NAME]  # which most questions are about
        return self.known[number]

    def several(self, numbers: Iterable[int]) -> list[Any]:
        """Return some values."""
        return [self[number] for number in numbers]


class PackedValue(Value):
    """Hold a value packed, and unpack each attribute of it when it is first asked for; most are never asked for."""

    __slots__ = ("row", "values")
    row: Rows
    values: Values

    def __getattr__(self, name: str) -> Any:
        """Return an attribute, unpacked now; Python asks here for what has not been set yet."""
        cell = CELLS.get(name)
        if cell is None:
            raise AttributeError(name)
        row = self.row
        content = row[cell] if cell < len(row) else EMPTY_CELLS[cell - REQUIRED_CELLS]
        if cell >= REQUIRED_CELLS:
            content = self._unpacked(name, content)
        setattr(self, name, content)
        return content

    def _unpacked(self, name: str, content: Any) -> Any:
        """Return an attribute that consists of other values."""
        if name in {"items", "keys"}:
            return self.values.several(content)
        if name == "keywords":
            return {key: self.values[number] for key, number in content.items()} if content else {}
        return bool(content) if name == "in_parentheses" else self.values[content]


def pack_function(function: Function, table: ValueTable) -> Rows:
    """Return a function as a row, with its parameters as rows inside."""
    return [
        function.name,
        function.qualname,
        function.line,
        function.col,
        function.block,
        function.parent,
        function.class_index,
        function.is_async,
        table.numbers(function.decorators),
        [[param.name, param.kind, table.number(param.default), param.annotation] for param in function.params],
        function.yields,
        function.inner_functions,
        function.returned_names,
        function.end_line,
    ]


def unpack_function(row: Rows, values: Values) -> Function:
    """Return the function that a row describes."""
    name, qualname, line, col, block, parent, class_index, is_async, decorators, params, *body = row
    return Function(
        name,
        qualname,
        line,
        col,
        block,
        parent,
        class_index,
        is_async,
        values.several(decorators),
        [Param(param_name, kind, values[default], annotation) for param_name, kind, default, annotation in params],
        *body,
    )


def unpack_class(row: Rows, values: Values) -> Class:
    """Return the class that a row describes."""
    name, line, col, block, parent, bases, decorators, end_line = row
    return Class(name, line, col, block, parent, bases, values.several(decorators), end_line)


def unpack_assign(row: Rows, values: Values) -> Assign:
    """Return the assignment that a row describes."""
    target, value, block, operator, line, col, key = row
    return Assign(target, values[value], block, operator, line, col, values[key])


def unpack_block(row: Rows, values: Values) -> Block:
    """Return the block that a row describes."""
    parent, kind, line, col, names, value, index, bound_name = row
    return Block(parent, kind, line, col, names, values[value], index, bound_name)


def unpack_call(row: Rows, values: Values) -> Call:
    """Return the call that a row describes."""
    value, block, uses = row
    return Call(values[value], block, uses)


def unpack_raise(row: Rows, values: Values) -> Raise:
    """Return the statement that a row describes."""
    return Raise(*row)


UNPACKING: dict[str, Callable[[Rows, Values], Any]] = {  # the lists of a module, in the order of the rows
    "blocks": unpack_block,
    "calls": unpack_call,
    "functions": unpack_function,
    "classes": unpack_class,
    "assigns": unpack_assign,
    "raises": unpack_raise,
}
