"""Mistakes put into real code at places a script chose: how many are found."""

from __future__ import annotations

import random

import fetch
import pytest
from djcelery.project.facts import Module
from djcelery.project.files import Tree
from djcelery.project.loading import load
from djcelery.project.project import Layout, Project
from djcelery.project.reader import read
from djcelery.rules import every, judge
from mutate import KINDS, Mutation, mutations

pytestmark = pytest.mark.corpus
SEED, COUNT, LEAST = 20261122, 60, 0.95


def chosen() -> list[Mutation]:
    """The same sixty for everyone: three of each kind, from all projects."""
    everything = [each for name, folder in fetch.everything().items() for each in mutations(name, folder)]
    pick = random.Random(SEED)  # noqa: S311
    found: list[Mutation] = []
    for code, _, _ in KINDS:
        of_kind = [each for each in everything if each.code == code]
        pick.shuffle(of_kind)
        parsing = (each for each in of_kind if each.text)
        found += [next(parsing) for _ in range(COUNT // len(KINDS))]
    return found


class Base:
    """A project that is read once; each mutation changes one file of it."""

    def __init__(self, folder: str) -> None:
        self.tree = Tree(folder)
        self.tree.scan()
        self.modules, _ = load(self.tree)
        self.known: dict[str, int] = {}
        self.layout = Layout({entry.path for entry in self.tree.entries})

    def codes(self, code: str, modules: list[Module]) -> int:
        rule = next(rule for rule in every() if rule.code == code)
        return sum(each.severity != "hint" for each in judge(Project(self.tree, modules), [rule]))

    def finds(self, mutation: Mutation) -> bool:
        path = mutation.path
        changed = read(path, self.layout.name(path), mutation.text.encode(), self.layout.package(path))
        others = [module for module in self.modules if module.path != path]
        return self.codes(mutation.code, [*others, changed]) > self.before(mutation.code)

    def before(self, code: str) -> int:
        if code not in self.known:
            self.known[code] = self.codes(code, self.modules)
        return self.known[code]


def test_recall() -> None:
    folders = fetch.everything()
    bases: dict[str, Base] = {}
    missed = []
    wanted = chosen()
    for mutation in wanted:
        base = bases.setdefault(mutation.project, Base(str(folders[mutation.project])))
        if not base.finds(mutation):
            missed.append((mutation.code, mutation.project, mutation.path, mutation.line))
    assert len(wanted) == COUNT
    assert 1 - len(missed) / len(wanted) >= LEAST, missed
