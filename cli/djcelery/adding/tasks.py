"""Add a task: the function, its route, its test and, on request, its entry in the schedule."""

from __future__ import annotations

import ast
import keyword
import re
from dataclasses import dataclass

from djcelery.adding import texts
from djcelery.adding.fragments import Fragment, Function, Item, NewFile, PackageMarker
from djcelery.adding.places import Places, queue_of, task_name
from djcelery.adding.schedules import Timing, entry_of, schedule_item
from djcelery.editing import NotEditable
from djcelery.editing.python import Container, PythonSource
from djcelery.errors import CommandError, UsageError, did_you_mean

MAX_NAME = 50  # letters of a function, so that generated lines stay short


@dataclass(frozen=True, slots=True)
class TaskName:
    """Name a task: the app's dotted name, and the function's."""

    app: str
    function: str

    @property
    def full(self) -> str:
        """Return the name that Celery registers."""
        return f"{self.app}.tasks.{self.function}"

    @property
    def entry(self) -> str:
        """Return the usual name of its entry in the schedule."""
        return self.function.strip("_").replace("_", "-")


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """Describe a task. Its test knows the queue, and its parameters follow from being scheduled."""

    name: TaskName
    queue: str
    is_plain: bool = False
    timing: Timing | None = None
    has_row: bool = True


def parse_name(places: Places, text: str, *, must_exist: bool = False) -> TaskName:
    """Return the app and the function that `orders.send_invoice` or `orders.tasks.send_invoice` names.

    Raise UsageError if there is no such app, the function's name is invalid, or, with `must_exist`, there is no such
    task.
    """
    app, _, function = text.rpartition(".")
    app = app.removesuffix(".tasks")
    if not app:
        hint = f"For example: {places.apps[0] if places.apps else 'orders'}.{function or 'send_invoice'}"
        raise UsageError(f'A task needs an app and a name: "{text}".', hint)
    name = TaskName(app, function)
    if must_exist and name.full not in (known := places.tasks()):
        short = [re.sub(r"\.tasks\.(\w+)$", r".\1", task) for task in known if not task.startswith("djcelery_jobs.")]
        raise UsageError(f"There is no task {app}.{function}.", did_you_mean(f"{app}.{function}", short or ["none"]))
    if app not in places.apps:
        hint = did_you_mean(app, places.apps) if places.apps else ""
        raise UsageError(
            f"There is no app {app} in this project.", f"{hint} To create it: djcelery add app {app}".strip()
        )
    if not function.isidentifier() or keyword.iskeyword(function) or function != function.lower():
        raise UsageError(f'"{function}" is not a name for a function.', "Use lower-case letters, digits and _.")
    if len(function) > MAX_NAME:
        raise UsageError(f'"{function}" is longer than {MAX_NAME} letters.', "Choose a shorter name.")
    return name


def refuse_other_task(places: Places, spec: TaskSpec) -> None:
    """Raise CommandError if the task exists in another queue, or the name means something else in its module."""
    queue = queue_of(places.items(places.routes).get(spec.name.full, ast.Constant("")))
    if queue and queue != spec.queue:
        hint = "Change its route in the settings, or remove the task first."
        raise CommandError(f"{spec.name.full} is routed to {queue} already.", hint)
    path = places.tasks_module(spec.name.app)
    node = _definition(places, path, spec.name.function)
    if node is None:
        return
    if not task_name(node):
        raise CommandError(f"{path} has another {spec.name.function} already.", "Choose another name.")
    if spec.timing and required_parameters(node):
        hint = "Give its parameters defaults, or schedule a task without parameters that dispatches it."
        raise CommandError(f"{spec.name.full} has parameters, and beat would pass none.", hint)


def required_parameters(node: ast.stmt) -> int:
    """Return how many arguments a call of the task must pass; `self` of a bound task does not count."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return 0
    arguments = node.args
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    required = len(names) - len(arguments.defaults) - (names[:1] == ["self"])
    return required + sum(default is None for default in arguments.kw_defaults)


def existing_spec(places: Places, name: TaskName) -> TaskSpec:
    """Return what a task of the project is like, as `add task` would have been told."""
    queue = queue_of(places.items(places.routes).get(name.full, ast.Constant("")))
    node = _definition(places, places.tasks_module(name.app), name.function)
    decorators = getattr(node, "decorator_list", [])
    is_plain = not any(isinstance(decorator, ast.Call) for decorator in decorators)
    entry = entry_of(places, name.entry)
    timing = entry.timing if entry and entry.task == name.full else None
    has_row = bool(getattr(getattr(node, "args", None), "args", [1]))
    return TaskSpec(name, queue, is_plain, timing, has_row)


def entries_of(places: Places, name: TaskName) -> list[str]:
    """Return the names of the schedule's entries that run a task."""
    entries = places.keys(places.schedule)
    return [entry for entry in entries if (existing := entry_of(places, entry)) and existing.task == name.full]


def task_fragments(places: Places, spec: TaskSpec) -> list[Fragment]:
    """Return the fragments of a task."""
    name = spec.name
    folder = places.tests_folder(name.app)
    fragments: list[Fragment] = [
        _function(places, spec),
        Item(
            places.routes.path if places.routes else "settings",
            _find_routes(places),
            name.full,
            lambda source, near: _route(places, source, near, spec.queue),
            f"send {name.full} to {spec.queue}",
        ),
    ]
    if spec.timing:
        fragments.append(schedule_item(places, name.entry, name.full, spec.timing, is_required=False))
    if (places.root / folder).parent.joinpath("__init__.py").is_file() or not (places.root / folder).is_dir():
        fragments.append(PackageMarker(f"{folder}/__init__.py", "", "make the tests a package"))
    test = f"{folder}/test_{name.function}.py"
    fragments.append(NewFile(test, test_text(places, spec, folder), f"test {name.full}; fails until you write it"))
    return fragments


def test_text(places: Places, spec: TaskSpec, folder: str) -> str:
    """Return the test of a task."""
    if not places.uses_pytest:
        return _test_case(spec)
    has_broker = places.has_fixture("broker", folder)
    queue_test = texts.QUEUE_TEST if has_broker else texts.ROUTE_TEST
    values = {"name": spec.name.function, "task": spec.name.full, "queue": spec.queue}
    imports = ["import pytest"] if has_broker else ["import pytest", "from celery import current_app"]
    imports += ["", f"from {spec.name.app}.tasks import {spec.name.function}", ""]
    text = texts.TEST_WITH_ROW if spec.has_row else texts.TEST_WITHOUT_ROW
    return text.format(
        **values,
        imports="\n".join(imports),
        queue_test=queue_test.format(**values, argument="0" if spec.has_row else ""),
    )


def _test_case(spec: TaskSpec) -> str:
    """Return the test of a task for a project without pytest."""
    name = spec.name
    class_name = "".join(part.capitalize() for part in name.function.split("_"))
    values = (
        {"pk": "pk", "gone": "0", "self_pk": "self, pk"} if spec.has_row else {"pk": "", "gone": "", "self_pk": "self"}
    )
    setup = "pk = self.create()" if spec.has_row else "self.create()"
    return texts.TEST_CASE.format(
        **values, setup=setup, task=name.full, app=name.app, name=name.function, class_name=class_name, queue=spec.queue
    )


def _function(places: Places, spec: TaskSpec) -> Function:
    template = texts.PLAIN if spec.is_plain else texts.DURABLE
    advice = texts.ADVICE_ROW if spec.has_row else texts.ADVICE_NO_ROW
    parameters = "pk: int" if spec.has_row else ""
    imports = ["from celery import shared_task", *([] if spec.is_plain else ["from djcelery_jobs import DurableTask"])]
    return Function(
        places.tasks_module(spec.name.app),
        spec.name.function,
        template.format(name=spec.name.function, parameters=parameters, advice=advice),
        tuple(imports),
        texts.TASKS,
        f"add the task {spec.name.full}; its body is yours to write",
    )


def _find_routes(places: Places):  # type: ignore[no-untyped-def]
    def find(source: PythonSource) -> Container:
        if places.routes is None:
            raise NotEditable("no dict of routes was found")
        return places.routes.find(source)

    return find


def _route(places: Places, source: PythonSource, near: Container, queue: str) -> str:
    name = source.quoted(queue, near)
    return name if places.routes_are_a_table else f"{{{source.quoted('queue', near)}: {name}}}"


def _definition(places: Places, path: str, name: str) -> ast.stmt | None:
    try:
        source = PythonSource((places.root / path).read_bytes())
    except FileNotFoundError:
        return None
    except NotEditable as error:
        raise CommandError(f"{path} cannot be edited: {error.reason}.", "Correct it first.") from None
    return next((node for node in source.tree.body if getattr(node, "name", None) == name), None)
