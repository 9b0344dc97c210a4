"""Test that the rules about arguments, transactions and failures also judge Django's own `@task`."""

from __future__ import annotations

import pytest

from djcelery.project.project import Project
from djcelery.rules import judge

OURS = "djcelery_jobs.tasks_backend.DurableBackend"
BRIDGE = "django_tasks_celery.CeleryBackend"


def findings(code: str, *, backend: str = OURS, api: str = "django.tasks") -> list[tuple[str, str]]:
    """Return code and severity of what is found in a module that defines tasks and enqueues them."""
    settings = "INSTALLED_APPS = ['shop']\n"
    if backend:
        settings += f"TASKS = {{'default': {{'BACKEND': '{backend}'}}, 'other': {{'BACKEND': '{BRIDGE}'}}}}\n"
    module = f"from django.db import transaction\nfrom {api} import task\n"
    module += "from djcelery_jobs.tasks_backend import job_options\n"
    project = Project.of({"shop/settings.py": settings, "shop/chores.py": module + code})
    return [(finding.code, finding.severity) for finding in judge(project)]


IN_ATOMIC = """
@task{options}
def tidy(pk): ...

def place(order):
    with transaction.atomic():
        order.save()
        tidy{using}.enqueue(order.pk)
"""


@pytest.mark.parametrize("api", ["django.tasks", "django_tasks"])
@pytest.mark.parametrize(
    ("backend", "found"),
    [
        (OURS, []),  # the job is a row of this transaction
        ("django_tasks_db.DatabaseBackend", []),
        ("django_ox.backend.OxBackend", []),
        ("django.tasks.backends.immediate.ImmediateBackend", []),  # it runs in the transaction
        ("", []),  # which is the default
        (BRIDGE, [("DJC101", "error")]),
        ("django_tasks_rq.RQBackend", [("DJC101", "error")]),
        ("vendor.QueueBackend", [("DJC101", "warning")]),  # it may be right, and nobody knows
    ],
)
def test_an_enqueue_in_a_transaction_is_right_where_the_backend_writes_a_row(backend, found, api):
    assert findings(IN_ATOMIC.format(options="", using=""), backend=backend, api=api) == found
    assert findings(IN_ATOMIC.format(options="", using=".using(priority=1)"), backend=backend, api=api) == found


def test_each_task_is_judged_by_its_own_backend():
    assert findings(IN_ATOMIC.format(options="(backend='other')", using="")) == [("DJC101", "error")]


def test_a_backend_that_derives_from_ours_is_like_ours():
    code = IN_ATOMIC.format(options="", using="")
    settings = "INSTALLED_APPS = ['shop']\nTASKS = {'default': {'BACKEND': 'shop.backends.Audited'}}\n"
    backends = f"from {OURS.rpartition('.')[0]} import DurableBackend\n\nclass Audited(DurableBackend): ...\n"
    module = "from django.db import transaction\nfrom django.tasks import task\n" + code
    files = {"shop/settings.py": settings, "shop/backends.py": backends, "shop/chores.py": module}

    assert list(judge(Project.of(files))) == []


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ("index.enqueue(1)", []),
        ("index.enqueue(1, by='a')", []),
        ("index.enqueue()", ["DJC208"]),
        ("index.enqueue(1, 2, 3)", ["DJC208"]),
        ("index.enqueue(1, buy='a')", ["DJC208"]),
        ("index.using(queue_name='fast').enqueue()", ["DJC208"]),
        ("index.using(queue_name='fast').using(priority=2).enqueue()", ["DJC208"]),
        ("index.enqueue(*args)", []),
        ("told.enqueue(1)", []),
        ("told.enqueue('a context', 1)", ["DJC208"]),
        ("index.enqueue(Order.objects.get(pk=1))", ["DJC201"]),
        ("index.enqueue({1, 2})", ["DJC202"]),
        ("index.enqueue(1, datetime.now())", ["DJC202"]),  # plain JSON, and not Celery's
        ("index.enqueue(1, timezone.now().isoformat())", []),
        ("index.enqueue(1, by=uuid4())", ["DJC202"]),
        ("queue.enqueue(index, 1, 2, 3)", []),  # rq's, and whoever else has such a method
        ("index.call(1, 2, 3)", []),
    ],
)
def test_arguments(call, found):
    code = f"""
from datetime import datetime
from uuid import uuid4
from django.utils import timezone

@task
def index(pk, by=None): ...

@task(takes_context=True)
@job_options(key="{{pk}}")
def told(context, pk): ...

async def place(args):
    {call}
"""
    assert sorted({code for code, _ in findings(code)}) == found
    awaited = code.replace(call, "await " + call.replace("enqueue(", "aenqueue("))
    assert sorted({code for code, _ in findings(awaited)}) == found


@pytest.mark.parametrize(
    ("decorators", "body", "found"),
    [
        ("@task", "try:\n        work(pk)\n    except Exception:\n        pass", ["DJC401"]),
        ("@task", "requests.post('https://shop.example', timeout=5)", ["DJC115"]),
        ("@task(one_transaction=False)", "requests.post('https://shop.example', timeout=5)", []),
        ("@task\n@job_options(one_transaction=False)", "requests.post('https://shop.example', timeout=5)", []),
        ("@task(backend='other')", "requests.post('https://shop.example', timeout=5)", []),
        (
            "@task(timeout=5)",
            LOOP := "for n in pk:\n        try:\n            work(n)\n        except Exception:\n            note(n)",
            ["DJC403"],
        ),
        ("@task(backend='other', timeout=5)", LOOP, []),
        ("@task(priority=3, queue_name='fast')", "work(pk)", []),  # options of Celery's tasks are other ones
    ],
)
def test_what_a_task_does(decorators, body, found):
    assert [code for code, _ in findings(f"import requests\n\n{decorators}\ndef tidy(pk):\n    {body}\n")] == found


def test_a_coroutine_is_as_good_a_task():
    assert findings("@task\nasync def tidy(pk):\n    await work(pk)\n") == []


def test_a_default_that_changes_is_found():
    assert [code for code, _ in findings("@task\ndef tidy(pks=[]): ...\n")] == ["DJC210"]


def test_a_route_of_such_a_task_is_no_typo():
    files = {
        "shop/settings.py": "INSTALLED_APPS = ['shop']\nCELERY_TASK_ROUTES = {'shop.chores.tidy': {'queue': 'fast'}}\n",
        "shop/celery.py": "from celery import Celery\napp = Celery('shop')\n"
        "app.config_from_object('django.conf:settings', namespace='CELERY')\napp.autodiscover_tasks()\n",
        "shop/chores.py": "from django.tasks import task\n\n@task\ndef tidy(): ...\n",
    }
    assert "DJC506" not in {finding.code for finding in judge(Project.of(files))}
