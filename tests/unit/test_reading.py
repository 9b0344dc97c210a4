"""Test reading Python: newer grammar, names across files, and facts that survive the cache."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from djcelery.project.packing import PackedModule, pack, rows_of
from djcelery.project.project import Project
from djcelery.project.reader import read
from djcelery.project.reader.grammar import downlevel, parse_as_it_is

NEWER = [
    "type Name = int\n",
    "type Pair[T] = tuple[T, T]\n",
    "def first[T](items: list[T]) -> T:\n    return items[0]\n",
    "class Box[T: (int, str), *Ts, **P]:\n    x = 1\n",
    "async def go[T]() -> None: ...\n",
    "try:\n    pass\nexcept ValueError, OSError:\n    pass\n",
    "x = f'{a['b']}'\ny = 1\n",
    "x = f'{'\\n'.join(a)}' + 'plain'\n",
    'x = f"{f"{f"{1}"}"}"\n',
    "x = f'{\n    a\n}'\ny = 2\n",
    "x = t'hello {name}'\n",
    "lazy import json\nlazy from os import path\n",
]


@pytest.mark.parametrize("text", NEWER)
def test_newer_grammar_is_read_in_its_place(text):
    older = downlevel(text)
    assert len(older) == len(text)
    assert older.count("\n") == text.count("\n")
    ast.parse(older)


def test_places_stay_true_in_a_file_of_newer_grammar():
    text = "def f[T](x: T) -> T: ...\n\nfrom celery import shared_task\n\n@shared_task\ndef a(): ...\n\na.delay()\n"
    module = read("shop/tasks.py", "shop.tasks", text.encode())
    assert not module.read_error
    assert [(call.value.name, call.value.line) for call in module.calls] == [("a.delay", 8)]


@given(st.text())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_older_text_has_the_same_length(text):
    assert len(downlevel(text)) == len(text)


@pytest.mark.parametrize(
    "text", ["x = 'type Y = 1'\n", "match = lazy\n", "y = '''f'{a['b']}' '''\n", "# except A, B:\n"]
)
def test_older_text_of_plain_grammar_still_parses(text):
    parse_as_it_is(downlevel(text))


def test_facts_survive_packing():
    module = read(
        "a.py",
        "a",
        (Path(__file__).parents[1] / "rules" / "cases" / "failures" / "swallowed_exception.py").read_bytes(),
    )
    assert rows_of(PackedModule(pack(module))) == rows_of(module)


def test_names_lead_through_aliases_reexports_and_stars():
    project = Project.of(
        {
            "shop/__init__.py": "from .work import *\n",
            "shop/work/__init__.py": "from .jobs import index as reindex\n",
            "shop/work/jobs.py": "from celery import shared_task\n\n@shared_task\ndef index(pk): ...\n",
            "other.py": (
                "import shop\nfrom shop.work import reindex\nalias = reindex\n\n"
                "def go():\n    alias.delay(1)\n    shop.reindex.delay(2)\n"
            ),
        }
    )
    assert [site.task.name for site in project.sites if site.task] == ["shop.work.jobs.index"] * 2


def test_tasks_in_every_form_are_seen():
    project = Project.of(
        {
            "shop/tasks.py": """
import functools
from celery import Celery, Task, shared_task
app = Celery("x")
quick = functools.partial(shared_task, time_limit=5)
def wrapper(**options):
    def decorate(function):
        return shared_task(bind=True, **options)(function)
    return decorate
@shared_task
def a(): ...
@shared_task(name="given")
def b(): ...
@app.task(bind=True)
def c(self): ...
@wrapper(queue="x")
def d(self): ...
@quick()
def e(): ...
def plain(): ...
f = shared_task(plain)
class Send(Task):
    name = "send"
    def run(self): ...
app.register_task(Send())
"""
        }
    )
    assert {task.name for task in project.tasks} == {
        "shop.tasks.a",
        "given",
        "shop.tasks.c",
        "shop.tasks.d",
        "shop.tasks.e",
        "shop.tasks.plain",
        "send",
    }
