"""Test how many mistakes are found that a script put into real code."""

from __future__ import annotations

import random
from functools import cache

import fetch
import pytest
from mutate import KINDS, Mutation, mutations
from reading import read_project

from djcelery.project.facts import Module
from djcelery.project.layout import Layout
from djcelery.project.project import Project
from djcelery.project.reader import read
from djcelery.rules import all_rules, judge

pytestmark = pytest.mark.corpus
# By seed: the rules were written with the first sample in sight; the second was drawn when they were done, and what it
# found was left as it is.
SAMPLES = [  # seed, mistakes, how many of them are missed
    pytest.param(20261122, 60, 0, marks=pytest.mark.nightly),
    pytest.param(31415, 200, 2, marks=pytest.mark.nightly),
    (31415, 40, 2),
]
LEAST = 0.95


def chosen(seed: int, count: int) -> list[Mutation]:
    """Draw the same for everyone: as many of each kind, from all projects."""
    everything = [each for name, folder in fetch.everything().items() for each in mutations(name, folder)]
    pick = random.Random(seed)  # noqa: S311
    found: list[Mutation] = []
    for code, _, _ in KINDS:
        of_kind = [each for each in everything if each.code == code]
        pick.shuffle(of_kind)
        parsing = (each for each in of_kind if each.text)
        found += [next(parsing) for _ in range(count // len(KINDS))]
    return found


class Base:
    """Hold a project that is read once; each mutation changes one file of it."""

    def __init__(self, name: str) -> None:
        self.tree, self.modules = read_project(name)
        self.known: dict[str, int] = {}
        self.layout = Layout({entry.path for entry in self.tree.entries})

    def codes(self, code: str, modules: list[Module]) -> int:
        rule = next(rule for rule in all_rules() if rule.code == code)
        return sum(each.severity != "hint" for each in judge(Project(self.tree, modules), [rule]))

    def finds(self, mutation: Mutation) -> bool:
        path = mutation.path
        changed = read(path, self.layout.name(path), mutation.text.encode(), self.layout.is_package(path))
        others = [module for module in self.modules if module.path != path]
        return self.codes(mutation.code, [*others, changed]) > self.before(mutation.code)

    def before(self, code: str) -> int:
        if code not in self.known:
            self.known[code] = self.codes(code, self.modules)
        return self.known[code]


@cache
def base(project: str) -> Base:
    return Base(project)


@pytest.mark.parametrize(("seed", "count", "misses"), SAMPLES)
def test_recall(seed: int, count: int, misses: int) -> None:
    wanted = chosen(seed, count)
    missed = [
        (mutation.code, mutation.project, mutation.path, mutation.line)
        for mutation in wanted
        if not base(mutation.project).finds(mutation)
    ]
    assert len(wanted) == count
    assert len(missed) <= misses, missed
    assert 1 - len(missed) / len(wanted) >= LEAST, missed
