"""Find the lowest version of a package that a code base may run with: in lock files, requirements and pyproject."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from djcelery.project.context import is_test
from djcelery.project.files import Tree

FILES = re.compile(
    r"(?:^|/)(?:pyproject\.toml|setup\.(?:py|cfg)|Pipfile(?:\.lock)?|(?:poetry|uv|pdm)\.lock"
    r"|(?:[\w.-]*(?:requirements|constraints)[\w.-]*|requirements/(?:[\w.-]+/)*[\w.-]+)\.(?:txt|in))$"
)
ENDINGS = (".toml", "setup.py", "setup.cfg", "Pipfile", ".lock", ".txt", ".in")  # of all that the pattern matches
MAX_SIZE = 4_000_000
Version = tuple[int, ...]


def lowest_version(tree: Tree, package: str) -> Version | None:
    """Return the lowest version that the files allow, the pinned one if there is one; None where none says."""
    pinned: list[Version] = []
    bounds: list[Version] = []
    for entry in tree.entries:
        is_wanted = entry.path.endswith(ENDINGS) and FILES.search(entry.path) and not is_test(entry.path)
        if not is_wanted or entry.size > MAX_SIZE:
            continue
        try:
            found = tree.answers.ask(entry.path, f"versions {package}", partial(clauses_in, tree, entry.path, package))
        except OSError:
            continue
        for operator, version in found:
            if operator in {"==", "==="}:
                pinned.append(version)
            elif operator in {">=", "~=", "^", "~", ">"}:
                bounds.append(version)
            elif operator in {"<", "<="}:
                bounds.append(())  # nothing below is excluded, unless another clause does
    if pinned:
        return min(pinned)
    known = [bound for bound in bounds if bound]
    return min(known) if known else None


def clauses_in(tree: Tree, path: str, package: str) -> list[tuple[str, Version]]:
    """Return the operators and versions that a file names for a package, or raise OSError."""
    return list(clauses(tree.read(path).decode("utf-8", "replace"), package))


def clauses(text: str, package: str) -> Iterator[tuple[str, Version]]:
    """Yield the operators and versions that a text names for a package; a locked version counts as `==`."""
    name = re.escape(package)
    for match in re.finditer(rf'(?i)name = "{name}"\nversion = "([\d.]+)', text):  # poetry.lock, uv.lock, pdm.lock
        yield "==", numbers(match[1])
    specifier = r"(?:===?|>=|<=|~=|!=|>|<|\^|~)\s*[\d.]+"
    written = rf'(?<![\w.-]){name}(?:\[[^\]\n]*\])?["\']?\s*(?:[:=]\s*(?:\{{[^}}]*?version["\']?\s*[:=]\s*)?["\'])?'
    for match in re.finditer(rf"(?i){written}\s*({specifier}(?:\s*,\s*{specifier})*)", text):
        for clause in re.finditer(r"(===?|>=|<=|~=|!=|>|<|\^|~)\s*([\d.]+)", match[1]):
            yield clause[1], numbers(clause[2])


def numbers(version: str) -> Version:
    """Return the numbers of a version."""
    return tuple(int(part) for part in version.split(".") if part)
