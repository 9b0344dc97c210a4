"""Find the settings modules that the entry points of a Django project name: manage.py, its servers, its tests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from djcelery.project.context import is_test
from djcelery.project.files import Tree

VARIABLE = r"""DJANGO_SETTINGS_MODULE"""
IN_PYTHON = re.compile(rf"""["']{VARIABLE}["']\s*(?:,|\]\s*=|\)\s*or)\s*["']([\w.]+)["']""")
IN_CONFIG = re.compile(rf"""^[ \t]*{VARIABLE}[ \t]*=[ \t]*["']?([\w.]+)["']?[ \t]*$|--ds[= ]["']?([\w.]+)""", re.M)
CONFIGURATION = "DJANGO_CONFIGURATION"  # of django-configurations, whose settings are classes
SERVERS = ("wsgi.py", "asgi.py")
# In the order in which pytest looks for its configuration, and the last one is Django's own habit.
PYTEST_FILES = ("pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg", "conftest.py")
# Where the environment is set, for projects whose code names no settings.
ENVIRONMENT_FILES = (
    ".env.example",
    ".env.sample",
    ".env",
    "Procfile",
    "Dockerfile",
    "app.json",
    ".devcontainer.json",
    ".devcontainer/devcontainer.json",
)
ENVIRONMENT_ENDINGS = (".yml", ".yaml", ".sh", ".toml", ".service", ".py", ".conf")
IN_ENVIRONMENT = re.compile(rf"""{VARIABLE}["']?[ \t]*[=:,][ \t]*["']?([a-zA-Z_][\w.]*\.[\w.]+)""")


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """Name a settings module, and the file and the line that say so."""

    settings: str
    path: str
    line: int
    purpose: str  # manage, server, tests, or environment


def manage_files(tree: Tree) -> list[str]:
    """Return the paths of every manage.py outside of tests, the one nearest to the root first."""
    paths = [entry.path for entry in tree.entries if entry.path.rpartition("/")[2] == "manage.py"]
    return sorted((path for path in paths if not is_test(path)), key=lambda path: (path.count("/"), path))


def entry_points(tree: Tree, manage: str) -> list[EntryPoint]:
    """Return what the entry points of the project with this manage.py name: itself, servers, tests, in this order."""
    folder = manage.rpartition("/")[0]
    points = list(_in_python(tree, manage, "manage"))
    for entry in tree.entries:
        is_server = entry.path.rpartition("/")[2] in SERVERS and not is_test(entry.path)
        if is_server and _is_below(folder, entry.path):
            points += _in_python(tree, entry.path, "server")
    for home in dict.fromkeys((folder, "")):  # tools of a project below the repository's root are configured at either
        for name in PYTEST_FILES:
            points += _of_tests(tree, f"{home}/{name}" if home else name)
    return points or list(_in_environment(tree, folder))


def _in_environment(tree: Tree, folder: str) -> Iterator[EntryPoint]:
    """Yield what files name that set the environment of processes."""
    paths = [*ENVIRONMENT_FILES, *(e.path for e in tree.entries if e.path.endswith(ENVIRONMENT_ENDINGS))]
    paths += [
        entry.path for entry in tree.entries if entry.path.rpartition("/")[2].startswith(("Procfile", "Dockerfile"))
    ]
    for path in dict.fromkeys(paths):
        if not _is_below(folder, path) or is_test(path):
            continue
        text = _text(tree, path)
        for match in IN_ENVIRONMENT.finditer(text) if VARIABLE in text else ():
            yield EntryPoint(match[1], path, _line(text, match.start()), "environment")


def uses_configurations(tree: Tree, manage: str) -> bool:
    """Return whether the settings are classes, which django-configurations reads."""
    return CONFIGURATION in _text(tree, manage)


def _in_python(tree: Tree, path: str, purpose: str) -> Iterator[EntryPoint]:
    text = _text(tree, path)
    for match in IN_PYTHON.finditer(text):
        yield EntryPoint(match[1], path, _line(text, match.start()), purpose)


def _of_tests(tree: Tree, path: str) -> Iterator[EntryPoint]:
    if path.endswith(".py"):
        yield from _in_python(tree, path, "tests")
        return
    text = _text(tree, path)
    for match in IN_CONFIG.finditer(text):
        yield EntryPoint(match[1] or match[2], path, _line(text, match.start()), "tests")


def _text(tree: Tree, path: str) -> str:
    try:
        return tree.read(path).decode("utf-8", "replace")
    except OSError:
        return ""


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset + 1) + 1 - text.startswith("\n", offset)


def _is_below(folder: str, path: str) -> bool:
    return not folder or path.startswith(f"{folder}/")
