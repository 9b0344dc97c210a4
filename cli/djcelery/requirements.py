"""Read requirements such as `djcelery-jobs[redis]>=0.2,<0.3`, as far as djcelery needs it."""

from __future__ import annotations

import re

CLAUSE = re.compile(r"(?P<operator>>=|<=|==|!=|~=|>|<)\s*(?P<version>[\d.]+)")


def package_name(requirement: str) -> str:
    """Return the normalized name of the package that a requirement is for."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement, maxsplit=1)[0]).lower()


def allows(versions: str, version: str) -> bool:
    """Return whether a version satisfies every clause, such as >=0.2 and <0.3."""
    return all(_is_met(clause["operator"], clause["version"], version) for clause in CLAUSE.finditer(versions))


def _is_met(operator: str, bound: str, version: str) -> bool:
    ours, theirs = _numbers(version), _numbers(bound)
    if operator == "~=":
        fixed = bound.count(".")  # ~=0.2.1 allows 0.2.x from 0.2.1 on
        return ours >= theirs and ours[:fixed] == theirs[:fixed]
    return {
        ">=": ours >= theirs,
        ">": ours > theirs,
        "<=": ours <= theirs,
        "<": ours < theirs,
        "==": ours == theirs,
        "!=": ours != theirs,
    }[operator]


def _numbers(version: str) -> tuple[int, ...]:
    numbers = [int(part) for part in version.split(".") if part.isdecimal()]
    return tuple(numbers + [0] * (4 - len(numbers)))
