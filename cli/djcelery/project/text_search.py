"""Search the text of every file, also of those that were passed over: what is imported or mentioned anywhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property, partial

from djcelery.project.apps import Apps
from djcelery.project.context import is_test
from djcelery.project.facts import Module
from djcelery.project.files import Tree
from djcelery.project.lookup import Lookup
from djcelery.project.tasks import Tasks

Matches = Callable[[str, bytes], bool]  # of the path and the bytes of a file


class TextSearch:
    """Search the files of a code base for words."""

    def __init__(self, tree: Tree, modules: list[Module], lookup: Lookup, apps: Apps, tasks: Tasks) -> None:
        self.tree = tree
        self.modules = modules
        self.lookup = lookup
        self.apps = apps
        self.tasks = tasks

    def imports_anywhere(self, wanted: Module) -> bool:
        """Return whether any file of the tree imports a module."""
        prefix = f"{wanted.name}."
        for module in [*self.modules, *self.lookup.extra_modules]:
            if module is wanted:
                continue
            if wanted.name in module.imported or wanted.name in module.stars:
                return True
            if any(name.startswith(prefix) for name in module.imported):
                return True
        return wanted.path in self.mentioned_paths

    @cached_property
    def mentioned_paths(self) -> set[str]:
        """Return the modules with tasks or an app that any text imports, in one pass over the files."""
        wanted: dict[str, Matches] = {}
        paths: dict[str, str] = {}
        for module in [*(task.module for task in self.tasks.own), *(app.module for app in self.apps.own)]:
            package, name = f".{module.name}".encode().split(b".")[-2:]
            if name != b"tasks":
                question = f"import {module.name} {module.path}"
                wanted[question], paths[question] = partial(imports, module.path, name, package), module.path
        return {paths[question] for question in self._matching(wanted)}

    def uses_setting(self, name: str) -> bool:
        """Return whether any line of the tree reads a setting, or passes its name."""
        word = name.encode()
        pattern = re.compile(rb"(?:settings\.|[\"'(\[{,=] ?)" + word + rb"\b")
        return bool(self._matching({f"setting {name}": lambda _, data: word in data and bool(pattern.search(data))}))

    def mentions(self, words: tuple[bytes, ...], tests: bool = False) -> bool:
        """Return whether any Python file contains one of the words; with `tests`, any file of the tests."""

        def matches(path: str, data: bytes) -> bool:
            return (not tests or is_test(path)) and any(word in data for word in words)

        return bool(self._matching({f"mentions {words} {tests}": matches}))

    def _matching(self, questions: dict[str, Matches]) -> set[str]:
        """Return the questions that match any Python file. What is known of unchanged files is not searched again."""
        answers = self.tree.answers
        new = {question: matches for question, matches in questions.items() if question not in answers.matches}
        for question in new:
            path = answers.kept_matches.get(question, "")
            answers.matches[question] = path if path in answers.kept else ""
        self._search(new, lambda path: path not in answers.kept)
        unknown = {question: new[question] for question in new if answers.kept_matches.get(question) != ""}
        self._search(unknown, lambda path: path in answers.kept)
        return {question for question in questions if answers.matches[question]}

    def _search(self, questions: dict[str, Matches], is_wanted: Callable[[str], bool]) -> None:
        """Note the first file that each question without one matches, in one pass."""
        matches_by_question = self.tree.answers.matches
        waiting = {question: matches for question, matches in questions.items() if not matches_by_question[question]}
        for path, data in self.tree.python_files(is_wanted) if waiting else ():
            for question in [question for question, matches in waiting.items() if matches(path, data)]:
                matches_by_question[question] = path
                del waiting[question]
            if not waiting:
                return


def imports(wanted_path: str, name: bytes, package: bytes, path: str, data: bytes) -> bool:
    """Return whether another file than the wanted one imports `package.name`."""
    return path != wanted_path and name in data and imports_in_lines(data, name, package)


def imports_in_lines(data: bytes, name: bytes, package: bytes) -> bool:
    """Return whether a text imports `package.name`, as far as its single lines tell."""
    start = data.find(name)
    while start >= 0:
        begin, end = data.rfind(b"\n", 0, start) + 1, data.find(b"\n", start)
        if is_import_of(data[begin : end if end >= 0 else len(data)].strip(), name, package):
            return True
        start = data.find(name, start + len(name))
    return False


def is_import_of(line: bytes, name: bytes, package: bytes) -> bool:
    """Return whether a line imports `package.name`, continues an import with it, or names it in a text."""
    if not line.startswith((b"from", b"import")):
        continues_import = re.fullmatch(rb"\(?" + name + rb"(?: as \w+)?[,)]*", line)
        in_text = re.search(rb"[\"'][\w.]*\." + name + rb"[\"':.]", line)
        return bool(continues_import or in_text)
    source, _, imported = line.partition(b" import ")
    if source.endswith(b"." + name) or (line.startswith(b"import") and b"." + name in line):
        return True
    from_package = source.endswith((b".", b" " + package, b"." + package))
    return from_package and re.search(rb"\b" + name + rb"\b", imported) is not None
