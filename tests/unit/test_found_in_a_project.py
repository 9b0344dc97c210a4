"""Test which apps, tasks, settings and versions are found in the files of a project."""

from __future__ import annotations

import pytest

from djcelery.project.project import Project

APP = "from celery import Celery\napp = Celery('shop')\n"


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        (APP, ["app"]),
        ("from elsewhere import make\nshop = make()\nshop.autodiscover_tasks()\n", ["shop"]),
        ("from elsewhere import make\nshop = make()\nshop.start()\n", []),
        ("from elsewhere import OurCelery\nimport elsewhere\nshop = elsewhere.OurCelery()\n", ["shop"]),
        ("from celery import Celery\napps = {}\napps['shop'] = Celery('shop')\n", []),
        (
            "from celery import Celery\ndef make():\n    return Celery('shop')\nshop = make()\n",
            ["shop"],
        ),
        ("from celery import Celery\ndef make():\n    Celery('shop')\n    return 1\nshop = make()\n", []),
    ],
)
def test_apps(text, variables):
    assert [app.variable for app in Project.of({"shop/celery.py": text}).apps] == variables


@pytest.mark.parametrize("app", ["from shop.celery import app\n", APP], ids=["imported", "here"])
@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("send = app.task(name='send')(work)", "send"),
        ("send = app.task(work)", "shop.tasks.work"),
        ("send = shared_task(work)", "shop.tasks.work"),
        ("send = shared_task(name='send')(work)", "send"),
        ("send = register(work)", None),
        ("my_task = shared_task(name='send')\nsend = my_task(work)", "send"),
        ("sent = shared_task(work).delay(1)", None),
        ("send += app.task(work)", None),
    ],
)
def test_a_function_that_is_made_a_task_by_a_call(app, line, name):
    text = f"from celery import shared_task\n{app}\ndef work(): ...\n\n{line}\n"
    tasks = Project.of({"shop/celery.py": APP, "shop/tasks.py": text}).tasks
    assert [task.name for task in tasks] == [name] * (name is not None)


@pytest.mark.parametrize(
    "decorator",
    [
        "def ours(function):\n    return shared_task(function)\n",
        "def ours(function):\n    if True:\n        return shared_task(function)\n",
        "ours = shared_task(acks_late=True)\n",
        "ours = shared_task\n",
    ],
)
def test_a_decorator_of_the_project_makes_a_task(decorator):
    text = f"from celery import shared_task\n\n{decorator}\n@ours\ndef work(): ...\n"
    assert [task.name for task in Project.of({"shop/tasks.py": text}).tasks] == ["shop.tasks.work"]


def test_a_decorator_that_only_calls_a_task_makes_none():
    text = "from celery import shared_task\n\n@shared_task\ndef send(): ...\n\n"
    text += "def ours(function):\n    send.delay()\n    return function\n\n@ours\ndef work(): ...\n"
    assert [task.name for task in Project.of({"shop/tasks.py": text}).tasks] == ["shop.tasks.send"]


@pytest.mark.parametrize("line", ["app.conf.task_acks_late = True", "app.conf['task_acks_late'] = True"])
def test_a_setting_on_the_app(line):
    project = Project.of({"shop/celery.py": f"{APP}{line}\n"})
    assert [setting.value.const for setting in project.settings_of("task_acks_late")] == [True]


@pytest.mark.parametrize(
    "path",
    """
    pyproject.toml setup.py setup.cfg Pipfile requirements.txt requirements.in requirements/base.txt
    requirements/prod/base.in dev-requirements.txt constraints.txt backend/pyproject.toml
    """.split(),
)
def test_the_version_in_a_file(path):
    assert Project.of({path: 'celery = "==5.2.7"\n', "shop/celery.py": APP}).lowest_version("celery") == (5, 2, 7)


@pytest.mark.parametrize("path", ["Pipfile.lock", "poetry.lock", "uv.lock", "pdm.lock"])
def test_the_version_in_a_lock_file(path):
    text = 'name = "celery"\nversion = "5.2.7"\n'
    assert Project.of({path: text, "shop/celery.py": APP}).lowest_version("celery") == (5, 2, 7)


@pytest.mark.parametrize("path", ["notes.txt", "shop/models.py", "tests/requirements.txt", "requirements.md"])
def test_no_version_in_any_other(path):
    assert Project.of({path: 'celery = "==5.2.7"\n', "shop/celery.py": APP}).lowest_version("celery") is None
