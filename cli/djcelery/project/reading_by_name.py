"""Read the files that never name Celery, but use what this code base makes of it: its own decorators and factories."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import partial

from djcelery.project.apps import APP_CLASSES, Apps, is_app_class
from djcelery.project.context import decorated_functions, enclosing_blocks, is_test
from djcelery.project.facts import Module
from djcelery.project.files import Tree
from djcelery.project.lookup import Lookup
from djcelery.project.reading import module_at
from djcelery.project.task_decorators import DJANGO_TASK, SHARED_TASK, TASK_METHODS, TaskDecorators

Calls = dict[str, dict[str, list[str]]]  # by the first part of the path and the path, the outermost names around
# The first parts of paths that make a task or an app wherever they lead; empty for any call of `task`.
KNOWN_PACKAGES = {path.partition(".")[0] for path in SHARED_TASK | DJANGO_TASK | APP_CLASSES} | {""}


def modules_found_by_name(tree: Tree, modules: list[Module]) -> list[Module]:
    """Return the modules among the files not read yet that make a task or an app."""
    lookup = Lookup(tree, modules)
    apps = Apps(modules, lookup)
    decorators = TaskDecorators(lookup, apps)
    offers = Offers(tree, lookup, decorators)
    names = {name for module in modules if not is_test(module.path) for name in offers.names(module)}
    if not names:
        return []
    words = re.compile(rb"\b(?:" + b"|".join(re.escape(name.encode()) for name in sorted(names)) + rb")\b")
    question = "names " + hashlib.blake2b(words.pattern, digest_size=16).hexdigest()
    known = {module.path for module in modules}
    paths = [entry.path for entry in tree.entries if entry.path.endswith(".py")]
    candidates = [path for path in paths if path not in known and not is_test(path)]
    read_modules = [module_with_any(tree, path, words, question) for path in candidates]
    return [module for module in read_modules if module is not None and makes_something(module, lookup, decorators)]


def module_with_any(tree: Tree, path: str, words: re.Pattern[bytes], question: str) -> Module | None:
    """Return a module that imports something and contains one of the words; None for any other file."""

    def is_match() -> bool:
        data = tree.read(path)
        return b"import" in data and words.search(data) is not None

    try:
        if not tree.answers.ask(path, question, is_match):
            return None
        module = module_at(tree, path, tree.layout.name(path))
    except OSError:
        return None
    return None if module.read_error else module


class Offers:
    """Find the names under which modules offer decorators that make tasks, and what makes apps."""

    def __init__(self, tree: Tree, lookup: Lookup, decorators: TaskDecorators) -> None:
        self.tree = tree
        self.lookup = lookup
        self.decorators = decorators
        self._absolute: dict[str, bool] = {}  # of each path that means the same in every module

    def names(self, module: Module) -> Iterator[str]:
        """Yield the names that a module offers."""
        calls, targets, classes = self.tree.answers.ask(
            module.path, f"definitions {module.name}", lambda: definitions_with_calls(module)
        )
        for first, names_by_path in calls.items():
            if first in KNOWN_PACKAGES or self.lookup.may_find(module, first):
                for path, names in names_by_path.items():
                    if self._makes(module, path):
                        yield from names
        for target in targets:
            if self.decorators.makes_task(module, target):
                yield target
        for name, bases in classes:
            if any(is_app_class(self.lookup, module, base) for base in bases):
                yield name

    def _makes(self, module: Module, path: str) -> bool:
        """Return whether a call of something makes a task or an app."""
        if self.lookup.is_bound(module, path.partition(".")[0]):
            return makes_task_or_app(module, path, self.lookup, self.decorators)
        if path not in self._absolute:
            self._absolute[path] = makes_task_or_app(module, path, self.lookup, self.decorators)
        return self._absolute[path]


def definitions_with_calls(module: Module) -> tuple[Calls, list[str], list[tuple[str, list[str]]]]:
    """Return what a module calls in its functions and classes, the targets of its aliases, and its classes."""
    calls: Calls = {}
    for call in module.calls:
        outermost = [block for block in enclosing_blocks(module, call.block) if block.kind in {"def", "class"}][-1:]
        for block in outermost:
            named = module.functions[block.index] if block.kind == "def" else module.classes[block.index]
            path = call.value.name
            first = "" if call.value.last in TASK_METHODS else path.partition(".")[0]
            names = calls.setdefault(first, {}).setdefault(path, [])
            if named.name not in names:
                names.append(named.name)
    targets = [
        assign.target
        for assign in module.assigns
        if "." not in assign.target and assign.operator == "=" and assign.value.kind in {"name", "call"}
    ]
    return calls, targets, [(cls.name, cls.bases) for cls in module.classes if cls.bases]


def makes_task_or_app(module: Module, name: str, lookup: Lookup, decorators: TaskDecorators) -> bool:
    """Return whether a call of something makes a task or an app."""
    return is_app_class(lookup, module, name) or decorators.makes_task(module, name)


def makes_something(module: Module, lookup: Lookup, decorators: TaskDecorators) -> bool:
    """Return whether a module makes a task or an app."""
    lookup.names.add(module)
    tasks = decorated_functions(module, partial(decorators.makes_task, module))
    return bool(tasks) or bool(Apps([module], lookup).all)
