"""Search the text of every file, also of those that were passed over: what is imported or mentioned anywhere."""

from __future__ import annotations

import re
from functools import cached_property

from djcelery.project.apps import Apps
from djcelery.project.context import is_test
from djcelery.project.facts import Module
from djcelery.project.files import Tree
from djcelery.project.lookup import Lookup
from djcelery.project.tasks import Tasks


class TextSearch:
    """Search the files of a code base for words."""

    def __init__(self, tree: Tree, modules: list[Module], lookup: Lookup, apps: Apps, tasks: Tasks) -> None:
        self.tree = tree
        self.modules = modules
        self.lookup = lookup
        self.apps = apps
        self.tasks = tasks
        self.setting_uses: dict[str, bool] = {}

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
        wanted = {}
        for module in [*(task.module for task in self.tasks.own), *(app.module for app in self.apps.own)]:
            package, name = f".{module.name}".encode().split(b".")[-2:]
            if name != b"tasks":
                wanted[module.path] = name, package
        mentioned: set[str] = set()
        for path, data in self.tree.python_files():
            for wanted_path, (name, package) in list(wanted.items()):
                if wanted_path != path and name in data and imports(data, name, package):
                    mentioned.add(wanted_path)
                    del wanted[wanted_path]
            if not wanted:
                break
        return mentioned

    def uses_setting(self, name: str) -> bool:
        """Return whether any line of the tree reads a setting, or passes its name."""
        if name not in self.setting_uses:
            word = name.encode()
            pattern = re.compile(rb"(?:settings\.|[\"'(\[{,=] ?)" + word + rb"\b")
            self.setting_uses[name] = any(word in data and pattern.search(data) for _, data in self.tree.python_files())
        return self.setting_uses[name]

    def mentions(self, words: tuple[bytes, ...], tests: bool = False) -> bool:
        """Return whether any Python file contains one of the words; with `tests`, any file of the tests."""
        return any(
            any(word in data for word in words) for path, data in self.tree.python_files() if not tests or is_test(path)
        )


def imports(data: bytes, name: bytes, package: bytes) -> bool:
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
