"""Decide which parts of a file can matter to a rule, so that the rest is not read."""

from __future__ import annotations

import ast
from bisect import bisect_left
from collections.abc import Iterable

from djcelery.project.facts import Value

# Searching for each word by itself is much faster than one pattern for all of them.
RELEVANT_WORDS = """
.delay .apply( apply_async on_commit send_task .s( .si( signature task Task elery ELERY BROKER retry .connect( .conf
DJC enqueue( atomic close_ connection.close add_periodic autodiscover chain( chord( group( crontab sleep( requests.
send_mail urlopen setdefault cache.add caches[
""".split()
HARMLESS_DECORATORS = frozenset(
    "property staticmethod classmethod cached_property setter override overload abstractmethod login_required "
    "register display action simple_tag filter fixture parametrize".split()
)


def relevant_lines(text: str) -> list[int]:
    """Return the numbers of the lines that hold a relevant word, in ascending order."""
    offsets = set()
    for word in RELEVANT_WORDS:
        offset = text.find(word)
        while offset >= 0:
            offsets.add(offset)
            offset = text.find("\n", offset)  # one in a line is enough
            offset = text.find(word, offset) if offset >= 0 else -1
    numbers, number, counted = [], 1, 0
    for offset in sorted(offsets):
        number += text.count("\n", counted, offset)
        counted = offset
        numbers.append(number)
    return numbers


def has_relevant_line(relevant: list[int], first: int, last: int) -> bool:
    """Return whether a relevant line lies between two lines, both included."""
    index = bisect_left(relevant, first)
    return index < len(relevant) and relevant[index] <= last


def is_relevant_body(relevant: list[int], node: ast.stmt) -> bool:
    """Return whether the body of a function can matter: it holds a relevant word, or it may be a decorator."""
    if any(isinstance(statement, ast.FunctionDef) for statement in getattr(node, "body", ())):
        return True
    return has_relevant_line(relevant, node.lineno, node.end_lineno or node.lineno)


def may_make_task(decorators: Iterable[Value]) -> bool:
    """Return whether any decorator may make a task; those that everyone uses do not."""
    return any(decorator.last not in HARMLESS_DECORATORS for decorator in decorators)
