"""Read each project of the corpus once, for all that is asked of it."""

from __future__ import annotations

import gc
from functools import cache

import fetch

from djcelery.checking.cache import Cache
from djcelery.checking.kept_answers import KeptAnswers
from djcelery.checking.run import tool_version
from djcelery.project.facts import Module
from djcelery.project.files import Tree
from djcelery.project.loading import load


@cache
def read_project(name: str) -> tuple[Tree, list[Module]]:
    """Return the files of a project, and the facts of those that may matter, as a check has left them in its cache."""
    tree = Tree(str(fetch.everything()[name]))
    tree.scan()
    tree.answers = KeptAnswers(Cache(tree.root, tool_version())).recall(tree)
    modules = load(tree)
    gc.freeze()  # millions of objects that stay: no collection needs to walk them
    gc.enable()  # which a check turns off
    return tree, modules
