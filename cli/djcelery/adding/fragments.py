"""Define the changes that make up a task, queue, schedule entry or app, each at one place of a project."""

from __future__ import annotations

import ast
import difflib
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from djcelery.editing import NotEditable
from djcelery.editing.blocks import append_block, remove_block
from djcelery.editing.python import Container, PythonSource, is_string
from djcelery.editing.text import keep_lines
from djcelery.errors import CommandError
from djcelery.journal import Journal
from djcelery.plan import Plan, Snippet

GAP = "\n\n"  # the blank lines above a function
Find = Callable[[PythonSource], Container]  # the literal that gets the item; raises NotEditable


class Edited(Exception):  # noqa: N818 it names a state of a place
    """Say that somebody has edited what should be removed. Holds the difference."""

    def __init__(self, path: str, expected: str, actual: str) -> None:
        lines = difflib.unified_diff(
            expected.splitlines(keepends=True), actual.splitlines(keepends=True), f"{path} as added", path
        )
        self.diff = "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
        super().__init__(self.diff)


class Fragment(ABC):
    """Describe one change at one place. `reason` explains it; without an `is_required` one, the rest is incomplete."""

    path: str
    reason: str
    is_required: bool

    @abstractmethod
    def is_present(self, plan: Plan) -> bool:
        """Return whether the place holds this already, edited or not."""

    @abstractmethod
    def insert(self, plan: Plan) -> None:
        """Plan to add it. Raise NotEditable if the place is not understood."""

    @abstractmethod
    def delete(self, plan: Plan) -> None:
        """Plan to remove it. Raise Edited if it is no longer what `insert` wrote."""

    @abstractmethod
    def by_hand(self) -> str:
        """Return the text that somebody has to write where it cannot be inserted."""


def insert_all(plan: Plan, fragments: Iterable[Fragment]) -> None:
    """Plan to add fragments that are not there. What cannot be inserted becomes a snippet."""
    for fragment in fragments:
        try:
            if not fragment.is_present(plan):
                fragment.insert(plan)
        except NotEditable as error:
            snippet = Snippet(fragment.path, error.line, fragment.by_hand(), error.reason, fragment.is_required)
            plan.snippets.append(snippet)


def delete_all(plan: Plan, fragments: Sequence[Fragment], name: str) -> bool:
    """Plan to remove fragments, and return whether any was there. Raise CommandError if one was edited."""
    present = [fragment for fragment in fragments if _is_there(fragment, plan)]
    diffs = []
    for fragment in reversed(present):
        try:
            fragment.delete(plan)
        except Edited as edited:
            diffs.append(edited.diff)
        except NotEditable as error:
            plan.snippets.append(Snippet(fragment.path, error.line, fragment.by_hand(), f"remove this: {error.reason}"))
    if diffs:
        hint = "Take these edits back, or remove it by hand."
        raise CommandError(f"{name} was edited after it was added, so it is not removed:\n{''.join(diffs)}", hint)
    return bool(present)


def _is_there(fragment: Fragment, plan: Plan) -> bool:
    try:
        return fragment.is_present(plan)
    except NotEditable:
        return False


@dataclass
class NewFile(Fragment):
    """Add a whole file."""

    path: str
    text: str
    reason: str
    is_required: bool = False
    newline: str = "\n"

    @property
    def data(self) -> bytes:
        """Return the contents, with the line ends of the project."""
        return self.text.replace("\n", self.newline).encode()

    def is_present(self, plan: Plan) -> bool:
        """Return whether there is a file, whatever it holds."""
        return plan.exists(self.path)

    def insert(self, plan: Plan) -> None:
        """Plan to create the file."""
        plan.create(self.path, self.data, self.reason)

    def delete(self, plan: Plan) -> None:
        """Plan to delete the file."""
        actual = plan.read(self.path)
        if actual.replace(b"\r\n", b"\n") != self.text.encode():
            raise Edited(self.path, self.text, actual.decode("utf-8", "replace"))
        plan.delete(self.path, "no longer needed")

    def by_hand(self) -> str:
        """Return the whole file."""
        return self.text


@dataclass
class PackageMarker(NewFile):
    """Add an empty `__init__.py`, which stays as long as its folder holds anything else."""

    def delete(self, plan: Plan) -> None:
        """Plan to delete the file if nothing else is in its folder."""
        folder = Path(self.path).parent
        names = {path.name for path in (plan.root / folder).iterdir()} - {"__pycache__"}
        removed = {Path(path).name for path, data in plan.after.items() if data is None and Path(path).parent == folder}
        if names - removed == {"__init__.py"} and not plan.read(self.path):
            plan.delete(self.path, "its folder holds nothing else")


@dataclass
class Item(Fragment):
    """Add an item of a list, or a key of a dict, in a literal of a Python file.

    `value` returns the source of the item's value, or of the whole item of a list, in the quotes of the literal.
    """

    path: str
    find: Find
    key: str
    value: Callable[[PythonSource, Container], str] | None
    reason: str
    imports: tuple[str, ...] = ()
    is_required: bool = True

    def is_present(self, plan: Plan) -> bool:
        """Return whether the literal has the key or the item."""
        source = self._read(plan)
        return self._index(self.find(source)) is not None

    def insert(self, plan: Plan) -> None:
        """Plan to append the item, and the imports that it needs."""
        source = self._read(plan)
        container = self.find(source)
        source.append_item(container, self._text(source, container), line_length=line_length(plan))
        for statement in self.imports:
            source.add_import(statement, first_party=first_party(plan))
        plan.write(self.path, source.result(), self.reason)

    def delete(self, plan: Plan) -> None:
        """Plan to remove the item."""
        source = self._read(plan)
        container = self.find(source)
        index = self._index(container)
        if index is None:
            return
        expected, actual = self._text(source, container), source.item_text(container, index)
        if _plain(expected) != _plain(actual):
            raise Edited(self.path, f"{expected}\n", f"{actual}\n")
        source.remove_item(container, index)
        data = self._as_it_was(plan, without_imports(source.result(), self.imports, first_party(plan)))
        plan.write(self.path, data, f"no {self.key}")

    def _as_it_was(self, plan: Plan, data: bytes) -> bytes:
        """Return a literal on one line where adding the item gave each item a line: only the journal can tell."""
        source = PythonSource(data)
        source.join_lines(self.find(source))
        joined = source.result()
        return joined if Journal(plan.root).has_replaced(self.path, joined) else data

    def by_hand(self) -> str:
        """Return the item."""
        source = PythonSource(b"x = {}\n")
        return f"{self._text(source, source.assigned('x'))},\n"  # type: ignore[arg-type]

    def _text(self, source: PythonSource, container: Container) -> str:
        key = source.quoted(self.key, container)
        return f"{key}: {self.value(source, container)}" if self.value else key

    def _index(self, container: Container) -> int | None:
        keys = container.keys if isinstance(container, ast.Dict) else getattr(container, "elts", [])
        return next((index for index, key in enumerate(keys) if is_string(key, self.key)), None)

    def _read(self, plan: Plan) -> PythonSource:
        if not self.path or not plan.exists(self.path):
            raise NotEditable("it was not found")
        return PythonSource(plan.read(self.path))


@dataclass
class Function(Fragment):
    """Add a function at the end of a module, with the imports that it needs. Create the module if it is missing."""

    path: str
    name: str
    text: str
    imports: tuple[str, ...]
    header: str  # of a new module
    reason: str
    is_required: bool = True

    def is_present(self, plan: Plan) -> bool:
        """Return whether the module defines anything of this name."""
        return plan.exists(self.path) and self._find(PythonSource(plan.read(self.path))) is not None

    def insert(self, plan: Plan) -> None:
        """Plan to append the function."""
        if not plan.exists(self.path):
            plan.create(self.path, self._with_function(self.header.encode(), plan), self.reason)
        else:
            plan.write(self.path, self._with_function(plan.read(self.path), plan), self.reason)

    def delete(self, plan: Plan) -> None:
        """Plan to remove the function, and with it the module if it holds nothing else of ours."""
        data = plan.read(self.path)
        remaining = remove_block(data, GAP + self.text)
        if remaining is None:
            source = PythonSource(data)
            node = self._find(source)
            actual = source.whole_text(node) if node is not None else ""
            raise Edited(self.path, self.text, actual.replace("\r\n", "\n") + "\n")
        remaining = without_imports(remaining, self.imports, first_party(plan))
        if remaining == self.header.encode():
            plan.delete(self.path, "it held nothing else")
        else:
            plan.write(self.path, remaining, f"no {self.name}")

    def by_hand(self) -> str:
        """Return the function."""
        return self.text

    def _find(self, source: PythonSource) -> ast.stmt | None:
        return next((node for node in source.tree.body if getattr(node, "name", None) == self.name), None)

    def _with_function(self, data: bytes, plan: Plan) -> bytes:
        for statement in self.imports:
            source = PythonSource(data)
            source.add_import(statement, first_party=first_party(plan))
            data = source.result()
        data = append_block(data, GAP + self.text)
        PythonSource(data)
        return data


def without_imports(data: bytes, imports: Sequence[str], first_party: frozenset[str]) -> bytes:
    """Return a module without those imports that nothing uses and that adding them would put back just so."""
    for statement in reversed(imports):
        for candidate in _without_import(data, statement):
            source = PythonSource(candidate)
            source.add_import(statement, first_party=first_party)
            if source.result() == data:
                data = candidate
                break
    return data


def _without_import(data: bytes, statement: str) -> list[bytes]:
    """Return what a module may have been before an import that it does not use was added."""
    name = statement.split()[-1]
    tree = PythonSource(data).tree
    aliases = [
        alias for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names if alias.name == name
    ]
    if len(aliases) != 1 or any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(tree)):
        return []
    number = aliases[0].lineno - 1
    lines = keep_lines(data)
    above, line, below = lines[:number], lines[number], lines[number + 1 :]
    # In brackets, the last name of a line may have had no comma, or the next name may follow on its line.
    shorter = [re.sub(pattern, b"", line, count=1) for pattern in _patterns(name)]
    candidates = [
        [*above, shorter_line, *below] for shorter_line in shorter if shorter_line.strip() and shorter_line != line
    ]
    if line.strip() == statement.encode() or any(not shorter_line.strip() for shorter_line in shorter):
        if above and not above[-1].strip():
            candidates.append(above[:-1] + below)
        if below and not below[0].strip():
            candidates.append(above + below[1:])
        candidates.append(above + below)
        if above:  # the name before it had no comma
            candidates.append([*above[:-1], re.sub(rb",(?=\s*$)", b"", above[-1]), *below])
    return [text for candidate in candidates if _parses(text := b"".join(candidate))]


def _patterns(name: str) -> list[bytes]:
    """Return the patterns of a name with the comma before or behind it."""
    return [pattern % name.encode() for pattern in (rb"\b%s, ", rb", %s\b", rb"\b%s,", rb"\b%s\b")]


def _parses(data: bytes) -> bool:
    try:
        PythonSource(data)
    except NotEditable:
        return False
    return True


def first_party(plan: Plan) -> frozenset[str]:
    """Return the packages that isort counts as the project's own, as far as our imports go."""
    name = "djcelery_jobs"
    in_config = plan.exists("pyproject.toml") and b'known-first-party = ["djcelery_jobs"]' in plan.read(
        "pyproject.toml"
    )
    return frozenset([name]) if in_config or (plan.root / name).is_dir() else frozenset()


def line_length(plan: Plan) -> int:
    """Return the longest line that the project's formatter allows; 88 where no file says so."""
    text = plan.read("pyproject.toml").decode("utf-8", "replace") if plan.exists("pyproject.toml") else ""
    match = re.search(r"^line-length\s*=\s*(\d+)", text, re.M)
    return int(match[1]) if match else 88


def _plain(text: str) -> str:
    """Return an item without what does not matter: the kind of its quotes, and its indentation."""
    return "\n".join(line.strip() for line in text.replace("'", '"').splitlines())
