"""Read the facts of a file once, as this run or an earlier one has."""

from __future__ import annotations

from djcelery.project.facts import Module
from djcelery.project.files import Tree
from djcelery.project.packing import PackedModule
from djcelery.project.reader import read


def module_at(tree: Tree, path: str, name: str, whole: bool = False) -> Module:
    """Return the facts of a file under a dotted name, or raise OSError; with `whole`, every body is read."""
    facts = tree.answers.ask(
        path,
        f"{'whole' if whole else 'module'} {name}",
        lambda: read(path, name, tree.read(path), tree.layout.is_package(path), whole),
    )
    return as_module(facts)


def as_module(facts: Module | bytes) -> Module:
    """Return facts that may be packed."""
    return PackedModule(facts) if isinstance(facts, bytes) else facts
