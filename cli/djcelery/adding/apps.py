"""Add an app: a package with tasks, services and tests, in INSTALLED_APPS and in the coverage."""

from __future__ import annotations

import keyword
import sys
import tomllib
from dataclasses import dataclass

from djcelery.adding import texts
from djcelery.adding.fragments import Fragment, Item, NewFile, PackageMarker
from djcelery.adding.places import LIBRARY, Places
from djcelery.editing import NotEditable
from djcelery.editing.python import Container, PythonSource
from djcelery.editing.toml import append_to_array, remove_from_array
from djcelery.errors import CommandError, UsageError
from djcelery.plan import Plan

COVERAGE = ("tool", "coverage", "run")
RESERVED = frozenset({LIBRARY, "tests", "test", "django", "celery"})
MAX_NAME = 40


@dataclass
class CoverageSource(Fragment):
    """Add the app to the packages that the coverage counts."""

    app: str
    path: str = "pyproject.toml"
    reason: str = "count its lines in the coverage"
    is_required: bool = False

    def is_present(self, plan: Plan) -> bool:
        """Return whether the coverage counts the app."""
        return self.app in _sources(plan)

    def insert(self, plan: Plan) -> None:
        """Plan to add the app."""
        plan.write(self.path, append_to_array(plan.read(self.path), COVERAGE, "source", self.app), self.reason)

    def delete(self, plan: Plan) -> None:
        """Plan to remove the app."""
        plan.write(self.path, remove_from_array(plan.read(self.path), COVERAGE, "source", self.app), f"no {self.app}")

    def by_hand(self) -> str:
        """Return the item."""
        return f'source = [..., "{self.app}"]\n'


def refuse_name(places: Places, app: str) -> None:
    """Raise UsageError or CommandError if no app can have this name."""
    parent, _, name = app.rpartition(".")
    if not name.isidentifier() or keyword.iskeyword(name) or name != name.lower() or len(name) > MAX_NAME:
        hint = f"Use up to {MAX_NAME} lower-case letters, digits and _, with a letter first."
        raise UsageError(f'"{app}" is not a name for an app.', hint)
    if parent and not (places.root / places.folder(parent)).is_dir():
        raise UsageError(f"There is no package {parent} for the app {name}.", "Create it first, or name another one.")
    folder = places.folder(app)
    is_ours = app in places.apps
    if app in sys.stdlib_module_names or (app in RESERVED and not is_ours):
        raise UsageError(f'"{app}" would hide a module of the same name.', "Choose another name.")
    if not is_ours and (places.root / folder).exists():
        raise CommandError(f"{folder} exists already in {places.root}.", "Choose another name, or move it away.")


def app_fragments(places: Places, app: str) -> list[Fragment]:
    """Return the fragments of an app."""
    folder, tests = places.folder(app), places.tests_folder(app)
    values = {"app": app, "class_name": _class_name(app)}
    fragments: list[Fragment] = [
        NewFile(f"{folder}/__init__.py", "", "make it a package", is_required=True),
        NewFile(f"{folder}/apps.py", texts.APP_CONFIG.format(**values), "name the app", is_required=True),
        NewFile(f"{folder}/tasks.py", texts.APP_TASKS, "a place for its tasks"),
        NewFile(f"{folder}/services.py", texts.APP_SERVICES, "a place for what its views call"),
        _installed(places, app),
    ]
    if _lists_packages(places):
        fragments.append(CoverageSource(app))
    test = texts.APP_TEST if places.uses_pytest else texts.APP_TEST_CASE
    return [
        *fragments,
        PackageMarker(f"{tests}/__init__.py", "", "make the tests a package"),
        NewFile(f"{tests}/test_app.py", test.format(**values), "test that the app is installed"),
    ]


def _class_name(app: str) -> str:
    """Return the usual name of an app's configuration: billing_core becomes BillingCoreConfig."""
    return "".join(part.capitalize() for part in app.rpartition(".")[2].split("_")) + "Config"


def refuse_used(places: Places, app: str, fragments: list[Fragment]) -> None:
    """Raise CommandError if an app holds anything that `add app` did not write, or its tasks are routed."""
    tasks = [task for task in places.tasks() if task.startswith(f"{app}.tasks.")]
    if tasks:
        hint = f"Remove it first: djcelery remove task {tasks[0].replace('.tasks.', '.')}"
        raise CommandError(f"The app {app} still has the task {tasks[0]}.", hint)
    written = {fragment.path for fragment in fragments}
    folders = (places.folder(app), places.tests_folder(app))
    others = sorted(
        path.relative_to(places.root).as_posix()
        for folder in folders
        for path in (places.root / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )
    others = [path for path in others if path not in written]
    if others:
        message = f"The app {app} holds files that `add app` did not write, such as {others[0]}."
        raise CommandError(message, "Move them away first, or remove the app by hand.")


def _installed(places: Places, app: str) -> Fragment:
    literal = places.installed_apps

    def find(source: PythonSource) -> Container:
        if literal is None:
            raise NotEditable("no literal INSTALLED_APPS was found")
        return literal.find(source)

    return Item(literal.path if literal else "settings", find, app, None, f"install the app {app}")


def _sources(plan: Plan) -> list[str]:
    if not plan.exists("pyproject.toml"):
        return []
    try:
        values = tomllib.loads(plan.read("pyproject.toml").decode("utf-8"))
    except ValueError:
        return []
    source = values.get("tool", {}).get("coverage", {}).get("run", {}).get("source", [])
    return [str(item) for item in source] if isinstance(source, list) else []


def _lists_packages(places: Places) -> bool:
    """Return whether the coverage names packages one by one, and not a folder that holds them all."""
    sources = _sources(Plan(places.root))
    return bool(sources) and any(name in places.apps for name in sources) and "." not in sources
