"""Work out constants: which ones are kept, and simple arithmetic on them."""

from __future__ import annotations

import ast
from typing import Any

MAX_TEXT = 400  # characters of a text that are kept


def kept_text(text: str) -> str:
    """Return the part of a text that is kept, in a form that UTF-8 can encode."""
    text = text[:MAX_TEXT]
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def is_json_constant(const: object) -> bool:
    """Return whether JSON carries a constant unchanged."""
    if isinstance(const, float):
        return const != float("inf")
    return const is None or isinstance(const, bool) or (isinstance(const, int) and abs(const) <= 10**15)


def fold(operator: ast.operator, left: Any, right: Any) -> Any:
    """Return the result of simple arithmetic on constants, or None."""
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    if isinstance(operator, ast.Add) and (numbers or (isinstance(left, str) and isinstance(right, str))):
        return left + right
    if not numbers:
        return None
    if isinstance(operator, ast.Mult) and abs(left) < 10**9 and abs(right) < 10**9:
        return left * right
    if isinstance(operator, ast.Sub):
        return left - right
    if isinstance(operator, ast.Div | ast.FloorDiv) and right:
        return left / right if isinstance(operator, ast.Div) else left // right
    return None
