"""Compare the tasks that are seen in real code with a plain count of decorators that knows nothing of Celery."""

from __future__ import annotations

import ast
import re
import warnings
from pathlib import Path

import fetch
import pytest
from reading import read_project

from djcelery.project.project import Project

pytestmark = pytest.mark.corpus
LEAST = 0.99
# `@shared_task`, `@app.task(bind=True)`, `@my_app.task`: whatever is called so.
NAMES = re.compile(r"(shared_task|(\w*app|celery)\.task|periodic_task)$")


def decorated(folder: Path) -> set[tuple[str, str]]:
    """Return the file and the name of each function that a decorator calls a task."""
    found = set()
    for file in folder.rglob("*.py"):
        try:
            text = file.read_text()
            if not re.search(r"@[^@]*(shared_task|periodic_task|\.task)\b", text):  # no such decorator
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(text)
        except (SyntaxError, UnicodeDecodeError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(map(_is_task, node.decorator_list)):
                found.add((file.relative_to(folder).as_posix(), node.name))
    return found


def _is_task(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return bool(NAMES.search(ast.unparse(called)))


def seen(name: str) -> set[tuple[str, str]]:
    return {(task.module.path, task.function.name) for task in Project(*read_project(name)).tasks if task.function}


def test_tasks_are_seen() -> None:
    plain, missed = 0, []
    for name, folder in fetch.everything().items():
        wanted = decorated(folder)
        plain += len(wanted)
        missed += [(name, *each) for each in sorted(wanted - seen(name))]
    assert plain > 300
    assert len(missed) <= (1 - LEAST) * plain, missed
