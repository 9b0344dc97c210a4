"""Facts as rows of plain data: they cross processes as they are, and lie in the cache as JSON.

The values of a file stand in one table, each after those it is made of, and all else names them by their row: a value
that many names lead to is there once. Row 0 stands for no value.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from djcelery.project.facts import Assign, Block, Call, Class, Function, Module, Param, Raise, Value

Rows = list[Any]
PLAIN = 9  # cells that every row of values has; the others are left out from the end while they say nothing
BLANK: Rows = [(), (), {}, 0, 0, 0]


def pack(module: Module) -> Rows:
    """The facts of a file."""
    table = Table()
    row, rows = table.row, table.rows_of
    return [
        [module.path, module.name, module.is_package, module.trouble, module.trouble_line],
        [module.imports, module.stars, module.imported, module.global_names, module.loads],
        [*module.noqa.items()],
        [[b.parent, b.kind, b.line, b.col, b.names, row(b.value), b.index, b.note] for b in module.blocks],
        [[row(call.value), call.block, call.uses] for call in module.calls],
        [function(each, table) for each in module.functions],
        [[c.name, c.line, c.col, c.block, c.parent, c.bases, rows(c.decorators), c.end_line] for c in module.classes],
        [[a.target, row(a.value), a.block, a.how, a.line, a.col, row(a.key)] for a in module.assigns],
        [[each.block, each.line, each.name] for each in module.raises],
        table.rows,
    ]


def unpack(packed: Rows) -> Module:
    """The inverse of `pack`; raises what broken rows raise."""
    head, names, noqa, blocks, calls, functions, classes, assigns, raises, rows = packed
    path, name, is_package, trouble, trouble_line = head
    imports, stars, imported, global_names, loads = names
    held = values(rows)
    return Module(
        path,
        name,
        is_package,
        imports,
        stars,
        imported,
        [
            Block(parent, kind, line, col, named, held[value], *more)
            for parent, kind, line, col, named, value, *more in blocks
        ],
        [Call(held[value], block, uses) for value, block, uses in calls],
        [open_function(each, held) for each in functions],
        [open_class(each, held) for each in classes],
        [open_assign(each, held) for each in assigns],
        [Raise(*each) for each in raises],
        [tuple(each) for each in global_names],
        [tuple(each) for each in loads],
        dict(noqa),
        trouble,
        trouble_line,
    )


class Table:
    """The rows of values, and where each value has its row."""

    def __init__(self) -> None:
        self.rows: Rows = []
        self.places: dict[int, int] = {}

    def row(self, value: Value | None) -> int:
        """The row of a value, made now if it has none yet."""
        if value is None:
            return 0
        known = self.places.get(id(value))
        if known is not None:
            return known
        made = [value.kind, value.line, value.col, value.end_line, value.end_col, value.dot_line, value.dot_col]
        made += [
            value.name,
            value.const,
            value.items and self.rows_of(value.items),
            value.keys and self.rows_of(value.keys),
        ]
        made += [{key: self.row(each) for key, each in value.named.items()} if value.named else 0]
        made += [self.row(value.recv), self.row(value.origin), int(value.wrapped)]
        while len(made) > PLAIN and not made[-1]:
            made.pop()
        self.rows.append(made)
        self.places[id(value)] = len(self.rows)
        return len(self.rows)

    def rows_of(self, values: Iterable[Value]) -> list[int]:
        """The rows of some values."""
        return [self.row(value) for value in values]


def values(rows: Rows) -> list[Any]:
    """The values of a table; each row names only those before it."""
    held: list[Any] = [None]
    for row in rows:
        kind, line, col, end_line, end_col, dot_line, dot_col, name, const, *more = row
        items, keys, named, recv, origin, wrapped = more + BLANK[len(more) :]
        held.append(
            Value(
                kind,
                line,
                col,
                end_line,
                end_col,
                name,
                const,
                [held[each] for each in items],
                [held[each] for each in keys],
                {key: held[each] for key, each in named.items()} if named else {},
                held[recv],
                held[origin],
                wrapped=bool(wrapped),
                dot_line=dot_line,
                dot_col=dot_col,
            )
        )
    return held


def function(made: Function, table: Table) -> Rows:
    """A function as a row, its parameters as rows within."""
    params = [[each.name, each.kind, table.row(each.default), each.annotation] for each in made.params]
    head = [made.name, made.qualname, made.line, made.col, made.block, made.parent, made.cls, made.is_async]
    return [*head, table.rows_of(made.decorators), params, made.yields, made.inner, made.returned, made.end_line]


def open_function(row: Rows, held: list[Any]) -> Function:
    """The inverse of `function`."""
    name, qualname, line, col, block, parent, cls, is_async, decorators, params, *more = row
    opened = [Param(called, kind, held[default], annotation) for called, kind, default, annotation in params]
    made = [held[each] for each in decorators]
    return Function(name, qualname, line, col, block, parent, cls, is_async, made, opened, *more)


def open_block(row: Rows, held: list[Any]) -> Block:
    parent, kind, line, col, names, value, index, note = row
    return Block(parent, kind, line, col, names, held[value], index, note)


def open_class(row: Rows, held: list[Any]) -> Class:
    name, line, col, block, parent, bases, decorators, end_line = row
    return Class(name, line, col, block, parent, bases, [held[each] for each in decorators], end_line)


def open_assign(row: Rows, held: list[Any]) -> Assign:
    target, value, block, how, line, col, key = row
    return Assign(target, held[value], block, how, line, col, held[key])
