"""Read the files that never name Celery, but use what this code base makes of it: its own decorators and factories."""

from __future__ import annotations

import re
from collections.abc import Iterator

from djcelery.project.apps import Apps, is_app_class
from djcelery.project.context import enclosing_blocks, is_test
from djcelery.project.facts import Module, Value
from djcelery.project.files import Tree
from djcelery.project.lookup import Lookup
from djcelery.project.reader import read
from djcelery.project.task_decorators import TaskDecorators


def modules_found_by_name(tree: Tree, modules: list[Module]) -> list[Module]:
    """Return the modules among the files not read yet that make a task or an app."""
    lookup = Lookup(tree, modules)
    apps = Apps(modules, lookup)
    decorators = TaskDecorators(lookup, apps)
    names = {name for module in modules if not is_test(module.path) for name in own_names(module, lookup, decorators)}
    if not names:
        return []
    words = re.compile(rb"\b(?:" + b"|".join(re.escape(name.encode()) for name in sorted(names)) + rb")\b")
    known = {module.path for module in modules}
    makers = []
    for path, data in tree.python_files():
        if path in known or is_test(path) or b"import" not in data or not words.search(data):
            continue
        module = read(path, tree.layout.name(path), data, tree.layout.is_package(path))
        if not module.read_error and makes_something(module, lookup, decorators):
            makers.append(module)
    return makers


def own_names(module: Module, lookup: Lookup, decorators: TaskDecorators) -> Iterator[str]:
    """Yield the names under which a module offers decorators that make tasks, and what makes apps."""
    for call in module.calls:
        makes_app = is_app_class(lookup, module, call.value.name)
        if not makes_app and decorators.declaration(module, call.value) is None:
            continue
        outermost = [block for block in enclosing_blocks(module, call.block) if block.kind in {"def", "class"}][-1:]
        for block in outermost:
            yield module.functions[block.index].name if block.kind == "def" else module.classes[block.index].name
    for assign in module.assigns:
        value = assign.value
        if "." in assign.target or assign.operator != "=" or value.kind not in {"name", "call"}:
            continue
        alias = Value("name", name=assign.target)
        if decorators.declaration(module, alias) is not None:
            yield assign.target
    for cls in module.classes:
        if any(is_app_class(lookup, module, base) for base in cls.bases):
            yield cls.name


def makes_something(module: Module, lookup: Lookup, decorators: TaskDecorators) -> bool:
    """Return whether a module makes a task or an app."""
    lookup.names.add(module)
    if any(decorators.declaration(module, value) for function in module.functions for value in function.decorators):
        return True
    return bool(Apps([module], lookup).all)
