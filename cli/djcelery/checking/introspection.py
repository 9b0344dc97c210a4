"""Ask the running app: in the project's own interpreter, in a process of its own, with a time limit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from djcelery.errors import CommandError
from djcelery.project import _inside
from djcelery.project.files import Tree
from djcelery.project.project import Project
from djcelery.project.running import Running

LIMIT = 60


def ask(root: str, python: str, exclude: tuple[str, ...] = (), limit: float = LIMIT) -> Running:
    """What the app of the project below `root` says about itself."""
    from djcelery.project.loading import load

    tree = Tree(root)
    tree.scan(exclude)
    modules, _ = load(tree)
    project = Project(tree, modules)
    app = next((app for app in project.own_apps if app.namespace is not None), None) or next(
        iter(project.own_apps), None
    )
    if app is None:
        raise CommandError(
            "There is no Celery app below this folder to ask.", "Leave --introspect out, or name the project's folder."
        )
    home = os.path.join(root, project.layout.root(app.module.path))
    words = [
        interpreter(root, python),
        _inside.__file__,
        home,
        settings_of(project),
        f"{app.module.name}:{app.variable}",
    ]
    return Running.of(answer(words, home, limit), os.path.abspath(root))


def interpreter(root: str, python: str) -> str:
    """The interpreter that has the project's packages: the one named, a virtual environment beside it, or ours."""
    if python:
        return python
    places = [os.environ.get("VIRTUAL_ENV", ""), os.path.join(root, ".venv"), os.path.join(root, "venv")]
    for place in places:
        for name in ("bin/python", "Scripts/python.exe"):
            if place and (Path(place) / name).exists():
                return str(Path(place) / name)
    return sys.executable


def settings_of(project: Project) -> str:
    """The settings module that manage.py or the app names."""
    for module in sorted(project.modules, key=lambda each: "manage" not in each.path):
        for call in module.calls:
            value = call.value
            if value.last == "setdefault" and value.items and value.items[0].const == "DJANGO_SETTINGS_MODULE":
                return project.text(module, value.items[1]) or "" if len(value.items) > 1 else ""
    return ""


def answer(words: list[str], home: str, limit: float) -> dict[str, Any]:
    """Run it, and find its words among whatever the project prints."""
    hint = "Name the project's interpreter with --python, or leave --introspect out."
    try:
        ran = subprocess.run(
            words, cwd=home, capture_output=True, text=True, timeout=limit, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        raise CommandError(f"The project did not start within {limit:g} seconds.", hint) from None
    except OSError as error:
        raise CommandError(f"{words[0]} cannot be started: {error.strerror}.", hint) from error
    for line in ran.stdout.splitlines():
        if line.startswith(_inside.MARK):
            told: dict[str, Any] = json.loads(line[len(_inside.MARK) :])
            return told
    last = (ran.stderr.strip().splitlines() or ["it said nothing"])[-1]
    raise CommandError(f"The project does not start: {last}", hint)
