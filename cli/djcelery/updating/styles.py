"""Give the statements of a Python text the style that another text has them in, whatever formatter made it."""

from __future__ import annotations

import ast
import io
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple


class Piece(NamedTuple):
    """Describe a simple statement, or the head of a compound one: its meaning, and the numbers of its lines, from 0."""

    meaning: tuple[object, ...]
    start: int
    end: int


def restyled(text: bytes, model: bytes) -> bytes:
    """Return `text` with each statement written as in `model`, where that has the same one in one way only.

    Return `text` as it is if one of the two is not valid Python.
    """
    try:
        lines = text.decode("utf-8").splitlines(keepends=True)
        model_lines = model.decode("utf-8").splitlines(keepends=True)
        pieces, model_pieces = list(_pieces(lines)), list(_pieces(model_lines))
    except (SyntaxError, ValueError, RecursionError, tokenize.TokenError):
        return text
    ways: dict[tuple[object, ...], set[str]] = defaultdict(set)
    for piece in model_pieces:
        ways[piece.meaning].add("".join(model_lines[piece.start : piece.end]))
    for piece in reversed(pieces):
        if len(ways[piece.meaning]) == 1:
            (way,) = ways[piece.meaning]
            lines[piece.start : piece.end] = [way]
    return "".join(lines).encode()


def _pieces(lines: list[str]) -> Iterator[Piece]:
    """Return what a text consists of, in order, without statements that share a line."""
    text = "".join(lines)
    comments = defaultdict(list)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            comments[token.start[0] - 1].append(token.string)
    end = 0
    for node, start, stop in sorted(_spans(ast.parse(text)), key=lambda span: span[1]):
        if start < end:
            continue
        end = stop
        inside = tuple(comment for number in range(start, stop) for comment in comments[number])
        yield Piece((_dump(node), node.col_offset, inside), start, stop)


def _spans(tree: ast.Module) -> Iterator[tuple[ast.stmt, int, int]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.stmt):
            continue
        body = getattr(node, "body", None)
        decorators = getattr(node, "decorator_list", [])
        start = min([node.lineno, *(decorator.lineno for decorator in decorators)]) - 1
        if not body:
            yield node, start, node.end_lineno or node.lineno
        elif (stop := _head_end(node)) > start:
            yield node, start, stop


def _head_end(node: ast.stmt) -> int:
    """Return the number of the line after the head of a compound statement, or 0 if the body begins in it."""
    ends = [node.lineno]
    for name, value in ast.iter_fields(node):
        if name not in {"body", "orelse", "finalbody", "handlers", "cases"}:
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    ends += [getattr(inner, "end_lineno", 0) or 0 for inner in ast.walk(child)]
    first = node.body[0]  # type: ignore[attr-defined]
    above = min([first.lineno, *(d.lineno for d in getattr(first, "decorator_list", []))]) - 1
    # Between the last name of the head and the body stand its closing lines, or comments and blank lines: not known.
    return above if max(ends) <= above <= max(ends) + 1 else 0


def _dump(node: ast.stmt) -> str:
    if not hasattr(node, "body"):
        return ast.dump(node)
    fields = [(name, value) for name, value in ast.iter_fields(node)
              if name not in {"body", "orelse", "finalbody", "handlers", "cases"}]  # fmt: skip
    dumps = [[ast.dump(item) if isinstance(item, ast.AST) else repr(item) for item in
              (value if isinstance(value, list) else [value])] for _, value in fields]  # fmt: skip
    return f"{type(node).__name__} {dumps}"
