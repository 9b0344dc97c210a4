"""Pack facts into rows of plain data: they cross processes as they are, and are JSON in the cache.

The values of a file are in one table, each after those it is made of, and everything else refers to them by row
number, so that a value that many names lead to is stored once. Row 0 stands for no value.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from djcelery.project.facts import Assign, Block, Call, Class, Function, Module, Param, Raise, Value

Rows = list[Any]
REQUIRED_CELLS = 9  # the cells that every row of a value has; empty ones after them are left out
OPTIONAL_CELLS: Rows = [(), (), {}, 0, 0, 0]


def pack(module: Module) -> Rows:
    """Return the facts of a file as rows."""
    table = ValueTable()
    number, numbers = table.number, table.numbers
    return [
        [module.path, module.name, module.is_package, module.read_error, module.read_error_line],
        [module.imports, module.stars, module.imported, module.global_names, module.exception_uses],
        [*module.noqa.items()],
        [[b.parent, b.kind, b.line, b.col, b.names, number(b.value), b.index, b.bound_name] for b in module.blocks],
        [[number(call.value), call.block, call.uses] for call in module.calls],
        [pack_function(function, table) for function in module.functions],
        [
            [c.name, c.line, c.col, c.block, c.parent, c.bases, numbers(c.decorators), c.end_line]
            for c in module.classes
        ],
        [[a.target, number(a.value), a.block, a.operator, a.line, a.col, number(a.key)] for a in module.assigns],
        [[statement.block, statement.line, statement.name] for statement in module.raises],
        table.rows,
    ]


def unpack(rows: Rows) -> Module:
    """Return the facts that `pack` packed; broken rows raise TypeError, ValueError, LookupError or AttributeError."""
    head, names, noqa, blocks, calls, functions, classes, assigns, raises, value_rows = rows
    path, name, is_package, read_error, read_error_line = head
    imports, stars, imported, global_names, exception_uses = names
    values = unpack_values(value_rows)
    return Module(
        path,
        name,
        is_package,
        imports,
        stars,
        imported,
        [
            Block(parent, kind, line, col, block_names, values[value], index, bound_name)
            for parent, kind, line, col, block_names, value, index, bound_name in blocks
        ],
        [Call(values[value], block, uses) for value, block, uses in calls],
        [unpack_function(row, values) for row in functions],
        [unpack_class(row, values) for row in classes],
        [unpack_assign(row, values) for row in assigns],
        [Raise(*row) for row in raises],
        [tuple(row) for row in global_names],
        [tuple(row) for row in exception_uses],
        dict(noqa),
        read_error,
        read_error_line,
    )


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
            value.items and self.numbers(value.items),
            value.keys and self.numbers(value.keys),
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


def unpack_values(rows: Rows) -> list[Any]:
    """Return the values of a table by row number; each row refers only to rows before it."""
    values: list[Any] = [None]
    for row in rows:
        kind, line, col, end_line, end_col, dot_line, dot_col, name, const, *optional = row
        items, keys, keywords, receiver, origin, in_parentheses = optional + OPTIONAL_CELLS[len(optional) :]
        values.append(
            Value(
                kind,
                line,
                col,
                end_line,
                end_col,
                name,
                const,
                [values[number] for number in items],
                [values[number] for number in keys],
                {key: values[number] for key, number in keywords.items()} if keywords else {},
                values[receiver],
                values[origin],
                in_parentheses=bool(in_parentheses),
                dot_line=dot_line,
                dot_col=dot_col,
            )
        )
    return values


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


def unpack_function(row: Rows, values: list[Any]) -> Function:
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
        [values[number] for number in decorators],
        [Param(param_name, kind, values[default], annotation) for param_name, kind, default, annotation in params],
        *body,
    )


def unpack_class(row: Rows, values: list[Any]) -> Class:
    """Return the class that a row describes."""
    name, line, col, block, parent, bases, decorators, end_line = row
    return Class(name, line, col, block, parent, bases, [values[number] for number in decorators], end_line)


def unpack_assign(row: Rows, values: list[Any]) -> Assign:
    """Return the assignment that a row describes."""
    target, value, block, operator, line, col, key = row
    return Assign(target, values[value], block, operator, line, col, values[key])
