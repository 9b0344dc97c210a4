"""Hold the Python files that a plan edits, so that several changes to one file are made at once."""

from __future__ import annotations

import ast
from collections.abc import Callable

from djcelery.editing import NotEditable
from djcelery.editing.python import Container, PythonSource
from djcelery.plan import Plan, Snippet


class Sources:
    """Edit Python files of a plan. A change that cannot be made safely becomes a snippet.

    Changes are collected, since each refers to the places of the file as it was. `write` plans them.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._sources: dict[str, PythonSource] = {}
        self._imports: set[tuple[str, str]] = set()
        self._reasons: dict[str, list[str]] = {}
        self._edited: dict[str, list[Snippet]] = {}  # what to do by hand if the edited file is wrong

    def edit(
        self, path: str, change: Callable[[PythonSource], None], reason: str, snippet: str, *, line: int = 0,
        is_required: bool = False,
    ) -> bool:  # fmt: skip
        """Collect a change to one file, and return whether that was possible. Otherwise plan the snippet."""
        try:
            source = self._source(path)
            with source.attempt():
                change(source)
        except NotEditable as error:
            self.by_hand(path, error.line or line, snippet, error.reason, is_required=is_required)
            return False
        except OSError as error:
            self.by_hand(path, line, snippet, f"it cannot be read: {error}", is_required=is_required)
            return False
        self._reasons.setdefault(path, []).append(reason)
        self._edited.setdefault(path, []).append(
            Snippet(path, line, f"{snippet}\n", "it cannot be edited", is_required)
        )
        return True

    def add_import(self, path: str, source: PythonSource, statement: str) -> None:
        """Add an import to a file, once."""
        if (path, statement) not in self._imports:
            self._imports.add((path, statement))
            source.add_import(statement)

    def write(self) -> None:
        """Plan the files with all their changes. A file that would be wrong is left as it is."""
        for path, source in self._sources.items():
            if path not in self._reasons:
                continue
            try:
                data = source.result()
            except NotEditable:
                self.plan.snippets += self._edited[path]
                continue
            if data != self.plan.read(path):
                self.plan.write(path, data, "; ".join(dict.fromkeys(self._reasons[path])))
        self._sources.clear()
        self._reasons.clear()

    def _source(self, path: str) -> PythonSource:
        if path not in self._sources:
            self._sources[path] = PythonSource(self.plan.read(path))
        return self._sources[path]

    def by_hand(self, path: str, line: int, text: str, reason: str, *, is_required: bool = False) -> None:
        """Plan a snippet, once."""
        snippet = Snippet(path, line, f"{text}\n", reason, is_required)
        if snippet not in self.plan.snippets:
            self.plan.snippets.append(snippet)


def node_at(source: PythonSource, line: int, col: int, *kinds: type[ast.AST]) -> ast.expr:
    """Return the outermost expression of a kind that begins at a place. Raise NotEditable if there is none."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.expr) and (not kinds or isinstance(node, kinds)) and _place(node) == (line, col):
            return node
    raise NotEditable("it is written in a way that is not understood", line)


def _place(node: ast.expr) -> tuple[int, int]:
    return node.lineno, node.col_offset


def display_at(source: PythonSource, line: int, col: int) -> Container:
    """Return the list, tuple or dict that begins at a place. Raise NotEditable if there is none."""
    node = node_at(source, line, col, ast.List, ast.Tuple, ast.Dict)
    assert isinstance(node, ast.List | ast.Tuple | ast.Dict)
    return node
