"""Test rules that check the running app: they find what the text does not show, and are silent otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from djcelery.project.facts import Param
from djcelery.project.project import Project
from djcelery.project.running import Running, RunningEntry, RunningTask
from djcelery.rules import all_rules, example, judge

PROJECT = """
# project/celery.py
from celery import Celery

app = Celery("project")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# project/__init__.py
from project.celery import app

# project/settings.py
from somewhere import *
import sentry_sdk

INSTALLED_APPS = ["shop"]
CELERY_BEAT_SCHEDULE = {"nightly": {"task": "shop.tasks.index", "schedule": 60}}

# shop/tasks.py
from celery import shared_task

@shared_task
def index(pk=None): ...
"""
OPTIONS = {
    "time_limit": 60,
    "soft_time_limit": None,
    "acks_late": False,
    "reject_on_worker_lost": None,
    "ignore_result": True,
    "serializer": "json",
    "max_retries": 3,
    "rate_limit": None,
}
SETTINGS = {
    "task_time_limit": 60,
    "task_soft_time_limit": None,
    "task_acks_late": False,
    "task_reject_on_worker_lost": None,
    "task_always_eager": False,
    "task_serializer": "json",
    "result_serializer": "json",
    "accept_content": ["json"],
    "imports": [],
    "include": [],
    "result_backend": "redis://localhost",
    "worker_prefetch_multiplier": 1,
    "worker_concurrency": None,
    "worker_max_tasks_per_child": 1000,
    "worker_hijack_root_logger": True,
    "task_default_queue_type": "classic",
    "beat_scheduler": "celery.beat:PersistentScheduler",
    "broker_transport_options": {},
    "result_backend_transport_options": {},
}


def running(
    task: dict[str, Any] | None = None,
    options: dict[str, Any] | None = None,
    settings: dict[str, Any] | None = None,
    **more: Any,
) -> Running:
    """Return a running app without a mistake, except for what is passed."""
    defaults = {"path": "shop/tasks.py", "line": 3, "params": [Param("pk", "pos")], "queue": "celery"}
    index = RunningTask("shop.tasks.index", **{**defaults, "options": OPTIONS | (options or {}), **(task or {})})
    sound: dict[str, Any] = {
        "registered": {"shop.tasks.index"},
        "tasks": {"shop.tasks.index": index},
        "settings": SETTINGS | (settings or {}),
        "broker": "redis",
        "schedule": {"nightly": RunningEntry("nightly", "shop.tasks.index", 1, set())},
        "queues": {"celery": []},
        "celery_version": (5, 6, 3),
        "known_settings": {"task_time_limit", "broker_url"},
        "settings_module": "project.settings",
        "installed_apps": ["shop"],
    }
    return Running(**{**sound, **more})


COMMON = {"DJC501", "DJC603", "DJC608"}  # the project above breaks them, or may


def find(app: Running | None, text: str = "", path: str = "shop/extra.py") -> list[tuple[str, str, str]]:
    """Return code, path and severity of the findings that the project and the app have."""
    files = {**example(PROJECT), **example(text, path)}
    findings = judge(Project.of(files, app))
    return [
        (finding.code, finding.path, finding.severity)
        for finding in findings
        if finding.code not in {"DJC501", "DJC603", "DJC608"}
    ]


ENTRY = {"nightly": RunningEntry("nightly", "shop.tasks.gone", 0, set())}
WRONG = {"nightly": RunningEntry("nightly", "shop.tasks.index", 0, {"key"})}
WORKER = "worker: celery -A project worker -Q celery --max-tasks-per-child 9"
VIEW = "from shop.tasks import index\n\ndef place(request):\n    index.delay(1)\n"
CHORD = "from celery import chord\n\ndef place(header, body):\n    chord(header)(body)\n"
WAIT = """
from shop.tasks import index

def show():
    return index.delay(1).get()

# project/settings.py
import sentry_sdk

INSTALLED_APPS = ["shop"]
CELERY_RESULT_BACKEND = choose()
"""
QUEUES = (
    "from kombu import Queue\nimport sentry_sdk\nINSTALLED_APPS = ['shop']\nCELERY_TASK_QUEUES = [Queue('celery')]\n"
)
ROUTES = "import sentry_sdk\nINSTALLED_APPS = ['shop']\nCELERY_TASK_ROUTES = {'elsewhere.*': {'queue': 'celery'}}\n"
SETTING_FILE, TASK_FILE, APP_FILE = "project/settings.py", "shop/tasks.py", "project/celery.py"
VISIBLE = {"visibility_timeout": 30}
TWICE = running(
    tasks={
        name: RunningTask(name, TASK_FILE, 3, [Param("pk", "pos")], OPTIONS, "celery")
        for name in ("shop.tasks.index", "app.shop.tasks.index")
    }
)
# code, the running app, where the finding is, and the text that it needs besides the project above, with its path
CASES: list[tuple[str, Running, str, str, str]] = [
    ("DJC104", running(atomic_requests=True), "shop/views.py", VIEW, "shop/views.py"),
    ("DJC301", running({"is_async": True}), TASK_FILE, "", ""),
    ("DJC312", running(registered={"other"}, tasks={}, schedule={}), TASK_FILE, "", ""),
    ("DJC315", TWICE, TASK_FILE, "", ""),
    ("DJC410", running(settings={"task_acks_late": True}), APP_FILE, "", ""),
    ("DJC410", running(options={"acks_late": True}), TASK_FILE, "", ""),
    ("DJC411", running(settings={"task_reject_on_worker_lost": True}), APP_FILE, "", ""),
    ("DJC411", running(options={"reject_on_worker_lost": True}), TASK_FILE, "", ""),
    ("DJC502", running(settings={"task_time_limit": "60"}), APP_FILE, "", ""),
    ("DJC502", running(options={"time_limit": "60"}), TASK_FILE, "", ""),
    ("DJC503", running(settings={"task_soft_time_limit": 60}), APP_FILE, "", ""),
    ("DJC503", running(options={"soft_time_limit": 90}), TASK_FILE, "", ""),
    (
        "DJC510",
        running(options={"acks_late": True, "reject_on_worker_lost": True, "time_limit": 4000}),
        TASK_FILE,
        "",
        "",
    ),
    (
        "DJC512",
        running(
            settings={
                "broker_transport_options": VISIBLE,
                "result_backend_transport_options": {"visibility_timeout": 9},
            }
        ),
        APP_FILE,
        "",
        "",
    ),
    ("DJC601", running(schedule=ENTRY), SETTING_FILE, "", ""),
    ("DJC606", running(schedule=WRONG), SETTING_FILE, "", ""),
    (
        "DJC609",
        running(settings={"beat_scheduler": "django_celery_beat.schedulers:DatabaseScheduler"}),
        APP_FILE,
        "",
        "",
    ),
    ("DJC701", running(django_settings=["CELERY_TASK_TIMELIMIT"]), APP_FILE, "", ""),
    ("DJC702", running(django_settings=["BROKER_URL"]), APP_FILE, "", ""),
    ("DJC703", running(django_settings=["CELERYD_PREFETCH_MULTIPLIER"]), APP_FILE, "", ""),
    ("DJC704", running(settings={"task_always_eager": True}), APP_FILE, "", ""),
    ("DJC706", running(settings={"accept_content": ["json", "pickle"]}), APP_FILE, "", ""),
    ("DJC706", running(options={"serializer": "pickle"}), TASK_FILE, "", ""),
    ("DJC708", running(broker="django"), APP_FILE, "", ""),
    ("DJC709", running(settings={"imports": "shop.jobs"}), APP_FILE, "", ""),
    ("DJC710", running(settings={"result_backend": None}), "shop/extra.py", CHORD, ""),
    ("DJC711", running(settings={"result_backend": None}), "shop/extra.py", WAIT, ""),
    ("DJC714", running(root_logger=True), APP_FILE, "", ""),
    ("DJC801", running({"queue": "slow"}), TASK_FILE, WORKER, "Procfile"),
    ("DJC802", running({"queue": "slow"}), TASK_FILE, QUEUES, SETTING_FILE),
    ("DJC803", running(), SETTING_FILE, ROUTES, SETTING_FILE),
    ("DJC806", running(options={"time_limit": 900}, settings={"worker_prefetch_multiplier": 4}), TASK_FILE, "", ""),
    ("DJC813", running(queues={"fast": ["x-queue-type"]}), APP_FILE, "", ""),
    ("DJC813", running(settings={"task_default_queue_type": "quorum"}), APP_FILE, "", ""),
]


def test_every_rule_that_checks_the_running_app_has_a_case():
    assert {rule.code for rule in all_rules() if rule.uses_runtime} - {"DJC501"} == {case[0] for case in CASES}


@pytest.mark.parametrize(("code", "app", "place", "text", "path"), CASES, ids=[case[0] for case in CASES])
def test_what_only_the_running_app_knows_is_found(code, app, place, text, path):
    args = (text, path or "shop/extra.py")
    assert code not in {finding[0] for finding in find(None, *args)}
    assert [finding[:2] for finding in find(app, *args) if finding[0] == code] == [(code, place)]


def test_an_app_without_a_mistake_adds_nothing():
    assert find(running()) == find(None) == []


def test_no_task_with_a_limit_is_an_error_when_the_app_says_so():
    app = running(options={"time_limit": None}, settings={"task_time_limit": None})
    findings = [finding for finding in judge(Project.of(example(PROJECT), app)) if finding.code == "DJC501"]
    assert [finding.severity for finding in findings] == ["error"]


def test_what_the_text_and_the_app_show_is_escalated():
    text = example(
        PROJECT + "CELERY = 1\n# project/settings.py\nINSTALLED_APPS = ['shop']\nCELERY_ACCEPT_CONTENT = ['pickle']\n"
    )
    alone = [finding for finding in judge(Project.of(text)) if finding.code == "DJC706"]
    app = running(settings={"accept_content": ["pickle"]})
    both = [finding for finding in judge(Project.of(text, app)) if finding.code == "DJC706"]
    assert [(finding.path, finding.severity) for finding in alone] == [(SETTING_FILE, "warning")]
    assert [(finding.path, finding.line, finding.severity) for finding in both] == [
        (SETTING_FILE, alone[0].line, "error")
    ]
    assert both[0].message == f"{alone[0].message}; the running app confirms it"


def test_the_running_app_decides_for_a_rule_with_runtime_only():
    text = {
        **example(PROJECT),
        "project/settings.py": "INSTALLED_APPS = []\nCELERY_BEAT_SCHEDULE = {'a': {'task': 'shop.tasks.gone'}}\n",
    }
    assert "DJC601" in {finding.code for finding in judge(Project.of(text))}
    app = running(registered={"shop.tasks.gone", "shop.tasks.index"}, schedule={})
    assert "DJC601" not in {finding.code for finding in judge(Project.of(text, app))}
