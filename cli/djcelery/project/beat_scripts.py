"""Find the Python scripts that start beat with a scheduler, by a command line that is a list of texts."""

from __future__ import annotations

import re
from collections.abc import Iterable

from djcelery.project.context import is_test
from djcelery.project.facts import Module
from djcelery.project.files import Tree

# A scheduler that ours takes the place of, as a text of its own. It may be bound to a name first.
SCHEDULER = re.compile(
    r"(?P<quote>[\"'])(?P<name>django_celery_beat\.schedulers[:.]DatabaseScheduler|celery\.beat[:.]PersistentScheduler)"
    r"(?P=quote)"
)
OPTION = re.compile(r"[\"'](?:--scheduler|-S)[\"'=]")
BEAT = re.compile(r"[\"']beat[\"']")


def beat_scripts(tree: Tree, modules: Iterable[Module]) -> dict[str, str]:
    """Return the texts of the scripts that pass a scheduler to beat, by their paths."""
    scripts = {}
    for module in modules:
        if is_test(module.path):
            continue
        try:
            data = tree.read(module.path)
        except OSError:  # too large, or not to be read
            continue
        if b"Scheduler" not in data:
            continue
        text = data.decode("utf-8", "surrogateescape")
        if all(pattern.search(text) for pattern in (OPTION, BEAT, SCHEDULER)):
            scripts[module.path] = text
    return scripts
