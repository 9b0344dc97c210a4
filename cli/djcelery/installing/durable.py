"""Plan `djcelery init --durable TASK`: its base class, and its dispatch in the transaction of its cause."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from djcelery.editing import NotEditable
from djcelery.editing.python import PythonSource
from djcelery.errors import UsageError, did_you_mean
from djcelery.installing.sources import Sources
from djcelery.project.dispatch_sites import Site
from djcelery.project.installation import Installation
from djcelery.project.tasks import Task

BASE = "base=DurableTask"
INHERITED = ("celery.", "djcelery_jobs.")  # packages whose task classes are in DurableTask already
IMPORT = "from djcelery_jobs import DurableTask"


def find_tasks(installation: Installation, names: tuple[str, ...]) -> list[Task]:
    """Return the tasks with these names, or with these last parts of a name. Raise UsageError for an unknown one."""
    own = {task.name: task for task in installation.project.own_tasks}
    tasks = []
    for name in names:
        matches = [task for known, task in own.items() if known == name or known.rpartition(".")[2] == name]
        exact = [task for task in matches if task.name == name]
        if len(exact or matches) > 1:
            several = ", ".join(sorted(task.name for task in matches))
            raise UsageError(f"There are several tasks {name}.", f"Name one of them: {several}")
        if not matches:
            raise UsageError(f"There is no task {name}.", _hint(name, own))
        tasks.append((exact or matches)[0])
    return tasks


def convertible_tasks(installation: Installation) -> list[Task]:
    """Return the tasks of the project that are not durable yet, in the order of their names."""
    tasks = [task for task in installation.project.own_tasks if task.function is not None and not task.is_durable]
    return sorted(tasks, key=lambda task: task.name)


def _hint(name: str, known: Collection[str]) -> str:
    """Return a hint with the closest task, or with some of them."""
    if not known:
        return "djcelery found no task in this project."
    return did_you_mean(name, sorted(known))


class DurableInstaller:
    """Plan the changes for some tasks."""

    def __init__(self, sources: Sources, installation: Installation) -> None:
        self.sources = sources
        self.project = installation.project
        self.notes: list[str] = []  # what to look at afterwards, one sentence each

    def make_durable(self, task: Task) -> None:
        """Plan the base class of a task, and `delay_on_commit` where it is dispatched and nothing reads the result."""
        if task.is_durable or not self._add_base(task):
            return
        for site in self.project.sites:
            if site.task is task and site.method == "delay" and not site.sent_signature:
                self._wait_for_commit(task, site)

    def _add_base(self, task: Task) -> bool:
        path, line = task.module.path, task.line
        name = task.function.name if task.function else task.name
        snippet = f"{IMPORT}\n\n@shared_task({BASE})\ndef {name}(...):"
        if task.decorator is None or not task.is_declared_directly or task.function is None:
            self.sources.by_hand(path, line, snippet, f"{task.name} is not declared by a decorator of Celery")
            return False
        if "base" in task.options or task.has_hidden_options:
            why = "it has a base class of its own: let that one inherit from djcelery_jobs.DurableTask"
            self.sources.by_hand(path, line, snippet, why)
            return False
        classes = (path.replace(":", ".") for _, path in self.project.task_classes)
        if own := next((path for path in classes if not path.startswith(INHERITED)), ""):
            home, _, base = own.rpartition(".")
            imports = f"{IMPORT}\nfrom {home} import {base}" if home else IMPORT
            snippet = (
                f"{imports}\n\nclass Durable{base}(DurableTask, {base}): ...\n\n"
                f"@shared_task(base=Durable{base})\ndef {name}(...):"
            )
            why = f"the Celery app gives each task the class {own}: give this one a class that inherits from both"
            self.sources.by_hand(path, line, snippet, why)
            return False
        decorator = task.decorator

        def change(source: PythonSource) -> None:
            node = _decorator(source, decorator.line, decorator.col)
            if isinstance(node, ast.Call):
                source.append_item(node, BASE, line_length=100)
            else:
                end = source.end(node)
                source.replace(end, end, f"({BASE})")
            self.sources.add_import(path, source, IMPORT)

        return self.sources.edit(path, change, f"{name} is durable", snippet, line=line)

    def _wait_for_commit(self, task: Task, site: Site) -> None:
        path, line, col = site.module.path, site.value.line, site.value.col
        if site.result_is_used:
            where = f"{path}:{line}"
            self.notes.append(
                f"{where} uses what {site.display_name}.delay() returns: delay_on_commit() returns nothing."
            )
            return

        def change(source: PythonSource) -> None:
            call = _call(source, line, col)
            assert isinstance(call.func, ast.Attribute)
            end = source.end(call.func)
            wrapped = _on_commit_around(source, call)
            if wrapped is not None:  # the row belongs to the transaction, and not to what follows it
                source.replace(source.start(wrapped), source.start(call), "")
                source.replace(source.end(call), source.end(wrapped), "")
            source.replace(end - len("delay"), end, "delay_on_commit")

        reason = "the job is part of the transaction that dispatches it"
        self.sources.edit(path, change, reason, f"{site.target}.delay_on_commit(...)", line=line)


def _decorator(source: PythonSource, line: int, col: int) -> ast.expr:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in node.decorator_list:
                if (decorator.lineno, decorator.col_offset) == (line, col):
                    return decorator
    raise NotEditable("the decorator is not there", line)


def _call(source: PythonSource, line: int, col: int) -> ast.Call:
    """Return the call of `delay` that begins at a place."""
    for node in ast.walk(source.tree):
        is_there = isinstance(node, ast.Call) and (node.lineno, node.col_offset) == (line, col)
        if is_there and isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "delay":
            return node
    raise NotEditable("the call is not there any more", line)


def _on_commit_around(source: PythonSource, call: ast.Call) -> ast.Call | None:
    """Return the `transaction.on_commit(lambda: ...)` whose whole work is the call."""
    for statement in _statements(source.tree):
        value = statement.value
        if not isinstance(value, ast.Call) or len(value.args) != 1 or value.keywords:
            continue
        name = value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", "")
        argument = value.args[0]
        if name == "on_commit" and isinstance(argument, ast.Lambda) and argument.body is call and not _takes(argument):
            return value
    return None


def _takes(node: ast.Lambda) -> bool:
    """Return whether a lambda has parameters, such as `order=order`."""
    args = node.args
    return bool(args.args or args.posonlyargs or args.kwonlyargs or args.vararg or args.kwarg)


def _statements(tree: ast.Module) -> Iterator[ast.Expr]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Expr))
