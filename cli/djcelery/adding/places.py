"""Find the places of a project that its jobs are declared at: settings, apps, tests and process files."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from djcelery.editing import NotEditable
from djcelery.editing.python import Container, PythonSource
from djcelery.errors import CommandError
from djcelery.project.context import is_test, is_test_settings
from djcelery.project.files import Tree

SETTINGS = (b"Workload(", b"_ROUTES", b"task_routes", b"routes(", b"BEAT_SCHEDULE", b"beat_schedule", b"INSTALLED_APPS")
ROUTES_NAME = re.compile(r"(?:\w*_)?TASK_ROUTES|CELERY_ROUTES|task_routes")  # CELERY_ROUTES until Celery 4
SCHEDULE_NAME = re.compile(r"(?:\w*_)?BEAT_SCHEDULE|CELERYBEAT_SCHEDULE|beat_schedule")
LIBRARY = "djcelery_jobs"


@dataclass(frozen=True, slots=True)
class Literal:
    """Find a dict or list that settings assign to a name. `argument_of` is the function that it is passed to."""

    path: str
    name: str
    argument_of: str = ""

    def find(self, source: PythonSource) -> Container:
        """Return the literal in a source. Raise NotEditable if it is not written out there."""
        values = [value for name, value in assignments(source.tree) if name == self.name]
        if len(values) > 1 and all(_spreads(value, self.name) for value in values[1:]):
            values = values[-1:]  # each one takes over the one before it
        value = _literal(values[0], self.argument_of) if len(values) == 1 else None
        if value is None:
            raise NotEditable(f"{self.name} is not assigned once, as a literal")
        return value


@dataclass
class Places:
    """Know the places of the project in `root`, and look each up when it is first needed."""

    root: Path
    tree: Tree = field(init=False)

    def __post_init__(self) -> None:
        self.tree = Tree(str(self.root))
        self.tree.scan()

    # -- settings

    @cached_property
    def settings(self) -> dict[str, PythonSource]:
        """Return the sources that may be settings, by path; the least nested first."""
        sources = {}
        for path, data in sorted(self.tree.python_files(), key=lambda pair: (pair[0].count("/"), pair[0])):
            if not is_other(path) and any(word in data for word in SETTINGS):
                try:
                    sources[path] = PythonSource(data)
                except NotEditable:
                    continue
        return sources

    @property
    def newline(self) -> str:
        """Return the line end that most of the settings have."""
        ends = [source.newline for source in self.settings.values()]
        return max(ends, key=ends.count, default="\n")

    @cached_property
    def workloads(self) -> Literal | None:
        """Return the dict of the workload classes."""
        return self._only(
            Literal(path, name)
            for path, source in self.settings.items()
            for name, value in assignments(source.tree)
            if isinstance(value, ast.Dict) and value.values and all(_calls(item, "Workload") for item in value.values)
        )

    @cached_property
    def routes(self) -> Literal | None:
        """Return the dict that gives each task its queue: the table that `routes()` gets, or Celery's own setting."""
        literals = [
            literal
            for path, source in self.settings.items()
            for name, value in assignments(source.tree)
            if ROUTES_NAME.fullmatch(name)
            for literal in _routes_in(path, source, name, value)
        ]
        tables = [literal for literal in literals if not ROUTES_NAME.fullmatch(literal.name) or literal.argument_of]
        return self._only(tables or literals)

    @cached_property
    def schedule(self) -> Literal | None:
        """Return the dict of the schedule's entries."""
        return self._only(
            Literal(path, name)
            for path, source in self.settings.items()
            for name, value in assignments(source.tree)
            if SCHEDULE_NAME.fullmatch(name) and isinstance(value, ast.Dict)
        )

    @cached_property
    def installed_apps(self) -> Literal | None:
        """Return the list to which an app is added: of several that are joined, the last one with apps of the project.

        Where several files have one, that of the file which names the library.
        """
        by_file = {path: _joined_lists(path, source, "INSTALLED_APPS") for path, source in self.settings.items()}
        candidates = [lists for lists in by_file.values() if lists]
        candidates = [lists for lists in candidates if LIBRARY in self._names_in(lists)] or candidates
        if len(candidates) != 1:
            return None
        own = [literal for literal in candidates[0] if any(map(self._is_own, self._names_in([literal])))]
        return (own or candidates[0])[-1]

    def _names_in(self, literals: Iterable[Literal]) -> list[str]:
        """Return the strings in lists, with the package of an app in place of its configuration."""
        nodes = [literal.find(self.settings[literal.path]) for literal in literals]
        return [re.sub(r"\.apps\.\w+$", "", name) for node in nodes for name in strings(node)]

    def _is_own(self, app: str) -> bool:
        return app != LIBRARY and (self.root / self.folder(app)).is_dir()

    @cached_property
    def default_queue(self) -> str:
        """Return the queue of tasks without a route, as far as a setting names it."""
        values = [
            value
            for source in self.settings.values()
            for name, value in assignments(source.tree)
            if name.lower().endswith("task_default_queue")
        ]
        return next((queue for queue in map(queue_of, values) if queue), "")

    @property
    def routes_are_a_table(self) -> bool:
        """Return whether a route is the name of a class, as `routes()` takes it, and not a dict with a queue."""
        literal = self.routes
        if literal is None:
            return True
        node = literal.find(self.settings[literal.path])
        values = node.values if isinstance(node, ast.Dict) else []
        return not values or not any(isinstance(value, ast.Dict) for value in values)

    def classes(self) -> list[str]:
        """Return the names of the workload classes. Raise CommandError if the settings declare none."""
        if self.workloads is None:
            message = f"No settings in {self.root} declare WORKLOADS, so there are no queues to use."
            raise CommandError(message, "Name the project with --project, or run djcelery init in it first.")
        return self.keys(self.workloads)

    def keys(self, literal: Literal | None) -> list[str]:
        """Return the string keys of a dict."""
        return list(self.items(literal))

    def items(self, literal: Literal | None) -> dict[str, ast.expr]:
        """Return the string keys of a dict with the nodes of their values."""
        if literal is None:
            return {}
        node = literal.find(self.settings[literal.path])
        pairs = zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ()
        return {
            key.value: value for key, value in pairs if isinstance(key, ast.Constant) and isinstance(key.value, str)
        }

    def _only(self, literals: Iterable[Literal]) -> Literal | None:
        """Return the one literal; where there are several, that beside the workload classes; else None."""
        distinct = list(dict.fromkeys(literals))
        if len(distinct) > 1:
            workloads = self.__dict__.get("workloads")
            distinct = [literal for literal in distinct if workloads and literal.path == workloads.path]
        return distinct[0] if len(distinct) == 1 else None

    # -- apps and tests

    @cached_property
    def base(self) -> str:
        """Return the folder that the apps are imported from, relative to the root: "" or, for example, "src"."""
        folders = [entry.path.rpartition("/")[0] for entry in self.tree.entries if entry.path.endswith("manage.py")]
        return (
            min((folder for folder in folders if "/" not in folder or folder), key=len, default="") if folders else ""
        )

    @cached_property
    def apps(self) -> list[str]:
        """Return the dotted names of the project's own apps."""
        lists = [
            literal
            for path, source in self.settings.items()
            for literal in _joined_lists(path, source, "INSTALLED_APPS")
        ]
        own = [name for name in dict.fromkeys(self._names_in(dict.fromkeys(lists))) if self._is_own(name)]
        return own or sorted({
            path.removesuffix("/apps.py").removeprefix(f"{self.base}/").replace("/", ".")
            for path in self.tree.layout.paths
            if path.endswith("/apps.py") and not path.startswith(f"{LIBRARY}/")
        })  # fmt: skip

    def folder(self, app: str) -> str:
        """Return the folder of an app, relative to the root."""
        inside = app.replace(".", "/")
        for base in dict.fromkeys([self.base, "src", ""]):
            path = f"{base}/{inside}" if base else inside
            if (self.root / path).is_dir():
                return path
        return f"{self.base}/{inside}" if self.base else inside

    def tasks_module(self, app: str) -> str:
        """Return the path of the module that holds an app's tasks."""
        folder = self.folder(app)
        package = f"{folder}/tasks/__init__.py"
        return package if (self.root / package).is_file() else f"{folder}/tasks.py"

    def tasks(self) -> dict[str, str]:
        """Return the queue of each task that the settings route, and "" for tasks that they do not, by name."""
        queues: dict[str, str] = {}
        for app in self.apps:
            path = self.tasks_module(app)
            try:
                source = PythonSource((self.root / path).read_bytes())
            except (OSError, NotEditable):
                continue
            queues |= {f"{app}.tasks.{name}": "" for name in map(task_name, source.tree.body) if name}
        return queues | {name: queue_of(value) for name, value in self.items(self.routes).items()}

    def tests_folder(self, app: str) -> str:
        """Return the folder for the tests of an app: in the project's `tests`, or in the app."""
        inside = app.replace(".", "/")
        for base in dict.fromkeys([self.base, ""]):
            tests = f"{base}/tests" if base else "tests"
            if (self.root / tests).is_dir():
                return f"{tests}/{inside}"
        folder = self.folder(app)
        return folder if (self.root / folder / "tests.py").is_file() else f"{folder}/tests"

    def has_fixture(self, name: str, folder: str) -> bool:
        """Return whether a conftest.py above a folder of tests defines a fixture."""
        folders = [Path(folder), *Path(folder).parents]
        files = [self.root / parent / "conftest.py" for parent in folders]
        return any(
            f"def {name}(" in file.read_text(encoding="utf-8", errors="replace") for file in files if file.is_file()
        )

    @cached_property
    def uses_pytest(self) -> bool:
        """Return whether the project's tests run with pytest."""
        paths = self.tree.layout.paths
        if any(path.endswith("conftest.py") for path in paths) or (self.root / "pytest.ini").is_file():
            return True
        files = [self.root / name for name in ("pyproject.toml", "setup.cfg", "tox.ini")]
        return any(re.search(rb"\[(?:tool[.:])?pytest", file.read_bytes()) for file in files if file.is_file())


def is_other(path: str) -> bool:
    """Return whether a file is of the library or of tests, and so declares nothing for the project."""
    return path.startswith(f"{LIBRARY}/") or is_test(path) or is_test_settings(path)


def assignments(tree: ast.Module) -> list[tuple[str, ast.expr]]:
    """Return the names and attributes that the top level of a module assigns to, with the values."""
    pairs = []
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        value = getattr(node, "value", None)
        for target in targets:
            name = (
                target.id if isinstance(target, ast.Name) else target.attr if isinstance(target, ast.Attribute) else ""
            )
            if name and value is not None:
                pairs.append((name, value))
    return pairs


def strings(node: ast.AST) -> list[str]:
    """Return the string literals in a node, in order."""
    return [part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)]


def task_name(node: ast.stmt) -> str:
    """Return the name of a function under a decorator of Celery's, and an empty string for any other statement."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return ""
    decorators = node.decorator_list
    called = [decorator.func if isinstance(decorator, ast.Call) else decorator for decorator in decorators]
    names = {name.attr if isinstance(name, ast.Attribute) else getattr(name, "id", "") for name in called}
    return node.name if names & {"shared_task", "task"} else ""


def queue_of(value: ast.expr) -> str:
    """Return the queue that a route names, or an empty string."""
    if isinstance(value, ast.Dict):
        value = next((v for k, v in zip(value.keys, value.values, strict=True)
                      if isinstance(k, ast.Constant) and k.value == "queue"), value)  # fmt: skip
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


def _routes_in(path: str, source: PythonSource, name: str, value: ast.expr) -> list[Literal]:
    """Return the tables that a setting of routes makes with `routes()`, or itself if it is a dict with queues."""
    tables = []
    for call in ast.walk(value):
        if not isinstance(call, ast.Call) or not _calls(call, "routes") or not call.args:
            continue
        table = call.args[0]
        if isinstance(table, ast.Name) and isinstance(source.assigned(table.id), ast.Dict):
            tables.append(Literal(path, table.id))
        elif isinstance(table, ast.Dict) and call is value:
            tables.append(Literal(path, name, argument_of="routes"))
    return tables or ([Literal(path, name)] if isinstance(value, ast.Dict) else [])


def _joined_lists(path: str, source: PythonSource, name: str) -> list[Literal]:
    """Return the lists that a setting is made of: its own, and those that it adds up or unpacks by name, in order."""
    values = [value for target, value in assignments(source.tree) if target == name]
    if len(values) != 1:
        return []
    literals: list[Literal] = []
    for node in _operands(values[0]):
        if isinstance(node, ast.Name):
            literals += _joined_lists(path, source, node.id) if node.id != name else []
        elif isinstance(node, ast.List | ast.Tuple):
            unpacked = [item.value for item in node.elts if isinstance(item, ast.Starred)]
            for item in unpacked:
                if isinstance(item, ast.Name) and item.id != name:
                    literals += _joined_lists(path, source, item.id)
            literals.append(Literal(path, name))
    return literals


def _operands(value: ast.expr) -> list[ast.expr]:
    """Return the parts of a sum, in order."""
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        return [*_operands(value.left), *_operands(value.right)]
    return [value]


def _spreads(value: ast.expr, name: str) -> bool:
    """Return whether a dict takes over what a name stands for."""
    pairs = zip(value.keys, value.values, strict=True) if isinstance(value, ast.Dict) else ()
    return any(key is None and isinstance(item, ast.Name) and item.id == name for key, item in pairs)


def _calls(node: ast.expr, name: str) -> bool:
    """Return whether a node is a call of a function or class of this name."""
    function = node.func if isinstance(node, ast.Call) else None
    return (function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")) == name


def _literal(value: ast.expr, argument_of: str) -> Container | None:
    """Return the literal that is a value, the last one in a sum, or the first argument of a call."""
    if argument_of and isinstance(value, ast.Call) and value.args:
        value = value.args[0]
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        right = _literal(value.right, "")
        return right if right is not None else _literal(value.left, "")
    return value if isinstance(value, ast.Dict | ast.List | ast.Tuple) else None
