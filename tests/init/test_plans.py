"""Test what `djcelery init` plans, refuses and leaves to be done by hand."""

from __future__ import annotations

import ast
import json
import re

import pytest
import yaml

from djcelery import repository, template
from djcelery.errors import CommandError, UsageError
from djcelery.installing.checks import add_check
from djcelery.installing.installer import Installer, Levels
from djcelery.project.context import is_test
from djcelery.project.installation import Installation
from tests.init.layouts import CELERYCONFIG, LAYOUTS, TASKS, single_file

JOBS = Levels(jobs=True)
CONFIG_CLASS = "class Config:\n" + "".join(f"    {line}\n" for line in CELERYCONFIG.splitlines())
OLD_CONFIG = """CELERY_DEFAULT_QUEUE = "main"
CELERYD_TASK_SOFT_TIME_LIMIT = 20
CELERYD_TASK_TIME_LIMIT = 30
CELERYD_PREFETCH_MULTIPLIER = 2
"""


@pytest.fixture
def planned(tmp_path):
    """Return a function that writes the usual layout with some files changed, and plans a level for it."""

    def plan(levels=JOBS, layout="single_file", **changes):
        files = LAYOUTS[layout].files | changes.pop("files", {})
        for path, text in changes.pop("added", {}).items():
            files[path] = files[path] + text
        for path, (old, new) in changes.pop("replaced", {}).items():
            assert old in files[path]
            files[path] = files[path].replace(old, new)
        assert not changes
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(text.encode())
        installer = Installer.of(tmp_path, "")
        plan = installer.plan(levels)
        plan.notes, plan.findings = installer.notes, installer.findings
        return plan

    return plan


def text(plan, path):
    return plan.after[path].decode()


def value(plan, path, name):
    """Return the source of the last value that a name gets in a planned file."""
    values = [
        ast.unparse(node.value)
        for node in ast.parse(text(plan, path)).body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name
    ]
    return values[-1] if values else None


# -- refusals


def test_a_blocking_conflict_refuses_jobs_and_not_the_check(planned):
    old = {"requirements.txt": "django==4.2.1\ncelery\n"}
    with pytest.raises(CommandError, match=r"The project requires Django ==4\.2\.1") as error:
        planned(files=old)
    assert error.value.hint == "Move to Django 5.2 first. `djcelery init --check` works meanwhile."
    assert planned(Levels(check=True), files=old).changed == [".djcelery-baseline.json"]


def test_a_project_that_new_made_has_it_all(planned):
    with pytest.raises(CommandError, match="was made by djcelery new"):
        planned(files={".djcelery.toml": 'version = "1"\n\n[answers]\nbroker = "redis"\n'})


@pytest.mark.parametrize("name", ["count_ordr", "shop.tasks.count_ordr"])
def test_an_unknown_task_is_refused_with_a_guess(planned, name):
    with pytest.raises(UsageError, match=f"There is no task {name}") as error:
        planned(Levels(durable=(name,)))
    assert error.value.hint == "Did you mean shop.tasks.count_order?"


def test_a_name_of_two_tasks_is_refused(planned):
    with pytest.raises(UsageError, match="There are several tasks count_order") as error:
        planned(Levels(durable=("count_order",)), files={"mysite/tasks.py": TASKS})
    assert error.value.hint == "Name one of them: mysite.tasks.count_order, shop.tasks.count_order"


# -- dependencies


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("requirements.txt", "django\ncelery\n", "django\ncelery>=5.7,<5.8\n"),
        ("requirements.txt", "django\ncelery[redis]>=5.3,<6  # jobs\n", "django\ncelery[redis]>=5.7,<5.8  # jobs\n"),
        ("requirements.txt", "django\ncelery==5.7.0\n", None),
        ("requirements.txt", "django\nCelery~=5.7.0\n", None),
        ("requirements.txt", "celery\ndjango\ncelery-types\n", "celery>=5.7,<5.8\ndjango\ncelery-types\n"),
        ("requirements.in", "django\r\ncelery\r\n", "django\r\ncelery>=5.7,<5.8\r\n"),
        ("pyproject.toml", '[project]\nname = "x"\nversion = "1"\ndependencies = ["django", "celery>=5.3"]\n', None),
        ("pyproject.toml", '[project]\nname = "x"\nversion = "1"\ndependencies = [\n  "celery>=5.3",\n  "django",\n]\n',
         '[project]\nname = "x"\nversion = "1"\ndependencies = [\n  "celery>=5.7,<5.8",\n  "django",\n]\n'),
        ("pyproject.toml", '[tool.poetry.dependencies]\ndjango = "^5.2"\ncelery = "^5.3"\n',
         '[tool.poetry.dependencies]\ndjango = "^5.2"\ncelery = ">=5.7,<5.8"\n'),
        ("Pipfile", '[packages]\ndjango = "*"\ncelery = {version = "*", extras = ["redis"]}\n',
         '[packages]\ndjango = "*"\ncelery = {version = ">=5.7,<5.8", extras = ["redis"]}\n'),
    ],
)  # fmt: skip
def test_the_celery_that_the_library_is_tried_with_is_asked_for(planned, path, before, after):
    files = {path: before}
    if path != "requirements.txt":
        files["requirements.txt"] = "# none\n"
    plan = planned(files=files)
    planned_text = plan.after.get(path, before.encode()).decode()
    if after is None:
        assert planned_text == before
    else:
        assert planned_text == after


def test_a_program_that_lists_requirements_is_left_to_people(planned):
    setup = 'from setuptools import setup\n\nsetup(install_requires=["django"])\n'
    plan = planned(files={"setup.py": setup, "requirements.txt": "# none\n"})
    [snippet] = plan.snippets
    assert (snippet.path, snippet.text) == ("setup.py", "celery[redis]>=5.7,<5.8\n")
    assert plan.is_whole


# -- settings


def test_routes_that_are_there_are_kept(planned):
    plan = planned(layout="package")
    path = "mysite/settings/base.py"
    assert value(plan, path, "CELERY_TASK_ROUTES") == "{**routes(ROUTES), **CELERY_TASK_ROUTES}"


@pytest.mark.parametrize(
    ("routes", "planned_routes"),
    [
        ("[{'shop.*': {'queue': 'x'}}]", "[routes(ROUTES), *CELERY_TASK_ROUTES]"),
        ("'mysite.routers.route'", "[routes(ROUTES), CELERY_TASK_ROUTES]"),
    ],
)
def test_routes_of_other_forms_are_kept_too(planned, routes, planned_routes):
    plan = planned(added={"mysite/settings.py": f"CELERY_TASK_ROUTES = {routes}\n"})
    assert value(plan, "mysite/settings.py", "CELERY_TASK_ROUTES") == planned_routes


def test_what_unseen_settings_set_is_kept(planned):
    plan = planned(added={"mysite/settings.py": "exec(open('local.py').read())\n"})
    path = "mysite/settings.py"
    assert value(plan, path, "CELERY_TASK_ROUTES") == "[routes(ROUTES), globals().get('CELERY_TASK_ROUTES') or {}]"
    assert "**(globals().get('CELERY_BEAT_SCHEDULE') or {})" in value(plan, path, "CELERY_BEAT_SCHEDULE")


def test_queues_become_workload_classes_with_todays_numbers(planned):
    plan = planned(
        layout="package",
        added={"mysite/settings/base.py": "CELERY_TASK_TIME_LIMIT = 90\nCELERY_TASK_SOFT_TIME_LIMIT = 60\n"},
    )
    workloads = value(plan, "mysite/settings/base.py", "WORKLOADS")
    numbers = "concurrency=3, prefetch=4, soft_limit=60, hard_limit=90"
    assert workloads == f"{{'celery': Workload({numbers}), 'orders': Workload({numbers})}}"


def test_limits_fit_into_the_visibility_timeout(planned):
    plan = planned(added={"mysite/settings.py": 'CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 400}\n'})
    assert "soft_limit=184, hard_limit=220" in value(plan, "mysite/settings.py", "WORKLOADS")


def test_the_names_of_celery_3_are_written_where_the_project_uses_them(planned):
    names = {
        line.split(" = ")[0]
        for line in text(planned(layout="old_names"), "mysite/settings.py").splitlines()
        if line.startswith("CELERY") and " = " in line
    }
    assert {"CELERYBEAT_SCHEDULER", "CELERYBEAT_MAX_LOOP_INTERVAL", "CELERYD_CONSUMER", "CELERY_ROUTES"} <= names
    assert "CELERY_BEAT_SCHEDULER" not in names


def test_the_scheduler_of_the_database_is_replaced_where_it_is_named(planned):
    plan = planned(layout="sums")
    settings = text(plan, "config/settings/base.py")
    assert settings.count("SCHEDULER") == 1
    assert 'CELERY_BEAT_SCHEDULER = "djcelery_jobs:LockedDatabaseScheduler"' in settings
    assert "--scheduler djcelery_jobs:LockedDatabaseScheduler\n" in text(plan, "compose.yml")


def test_an_app_with_a_configuration_of_its_own_keeps_it(planned):
    plan = planned(layout="own_configuration")
    app = text(plan, "mysite/celery.py")
    rest = iter(app.splitlines())
    assert all(line in rest for line in LAYOUTS["own_configuration"].files["mysite/celery.py"].splitlines())
    assert 'app.conf.beat_scheduler = "djcelery_jobs:LockedScheduler"' in app
    assert "app.conf.task_routes = [routes(ROUTES), *maybe_list(app.conf.task_routes or ())]\n" in app
    assert value(plan, "mysite/settings.py", "ROUTES") is None
    assert "CELERY" not in text(plan, "mysite/settings.py")


@pytest.mark.parametrize(
    ("app", "configuration"),
    [
        ('app.config_from_object("mysite.conf_of_celery")', CELERYCONFIG),
        ("from mysite import conf_of_celery\napp.config_from_object(conf_of_celery)", CELERYCONFIG),
        ('app.config_from_object("mysite.conf_of_celery:Config")', CONFIG_CLASS),
        ("from mysite.conf_of_celery import Config\napp.config_from_object(Config)", CONFIG_CLASS),
        ("from mysite.conf_of_celery import Config\napp.config_from_object(Config())", CONFIG_CLASS),
        ('app.config_from_object("mysite.conf_of_celery")', OLD_CONFIG),
    ],
)
def test_the_module_or_class_that_configures_an_app_is_read(planned, app, configuration):
    files = {
        "mysite/celery.py": f'from celery import Celery\n\napp = Celery("mysite")\n{app}\n',
        "mysite/conf_of_celery.py": configuration,
    }
    plan = planned(layout="own_configuration", files=files)
    workloads = value(plan, "mysite/settings.py", "WORKLOADS")
    assert workloads == "{'main': Workload(concurrency=4, prefetch=2, soft_limit=20, hard_limit=30)}"
    assert "app.conf.task_annotations = [*maybe_list(app.conf.task_annotations or ()), task_limits(ROUTES)]\n" in text(
        plan, "mysite/celery.py"
    )
    assert "mysite/conf_of_celery.py" not in plan.changed
    assert not [note for note in plan.notes if "cannot read" in note]


def test_a_configuration_that_cannot_be_read_is_named(planned):
    app = 'from celery import Celery\n\napp = Celery("mysite")\napp.config_from_object("company.celery_defaults")\n'
    plan = planned(layout="own_configuration", files={"mysite/celery.py": app})
    assert [note for note in plan.notes if "company.celery_defaults" in note and "WORKLOADS" in note]


def test_djangos_settings_under_another_name_stay_djangos(planned):
    app = (
        "from django.conf import settings as s\nfrom celery import Celery\n\n"
        "app = Celery()\napp.config_from_object(s, namespace='CELERY')\n"
    )
    plan = planned(files={"mysite/celery.py": app})
    assert value(plan, "mysite/settings.py", "CELERY_TASK_ANNOTATIONS") == "task_limits(ROUTES, WORKLOADS)"


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ('{"*": {"rate_limit": "1/s"}}', "{**task_limits(ROUTES, WORKLOADS), **CELERY_TASK_ANNOTATIONS}"),
        ('[{"*": {"rate_limit": "1/s"}}]', "[*CELERY_TASK_ANNOTATIONS, task_limits(ROUTES, WORKLOADS)]"),
        ("make_annotations()", "make_annotations()"),
    ],
)
def test_annotations_of_the_project_stay_beside_the_limits_of_routed_tasks(planned, own, expected):
    plan = planned(added={"mysite/settings.py": f"CELERY_TASK_ANNOTATIONS = {own}\n"})
    assert value(plan, "mysite/settings.py", "CELERY_TASK_ANNOTATIONS") == expected


def test_an_app_that_no_one_imports_is_imported(planned):
    plan = planned(files={"mysite/__init__.py": ""})
    assert text(plan, "mysite/__init__.py").startswith("from mysite.celery import app as celery_app\n")


def test_an_app_that_sets_django_up_is_left_to_people(planned):
    plan = planned(files={"mysite/__init__.py": ""},
                   added={"mysite/celery.py": "import django\n\ndjango.setup()\n"})  # fmt: skip
    assert "mysite/__init__.py" not in plan.changed
    assert [snippet.path for snippet in plan.snippets] == ["mysite/celery.py"]


def test_a_list_without_a_display_is_extended_at_the_end(planned):
    plan = planned(added={"mysite/settings.py": "if DEBUG:\n    INSTALLED_APPS = ['shop']\n"})
    assert value(plan, "mysite/settings.py", "INSTALLED_APPS") == "[*INSTALLED_APPS, 'djcelery_jobs']"


def test_apps_that_cannot_be_seen_stop_everything(planned):
    plan = planned(replaced={"mysite/settings.py": ("INSTALLED_APPS = [", "INSTALLED_APPS = load([")},
                   added={})  # fmt: skip
    assert not plan.is_whole


BASE = """import sys

class Base:
    @classmethod
    def load_settings(cls, module):
        for name in dir(cls):
            if name.isupper():
                setattr(sys.modules[module], name, getattr(cls, name))

    INSTALLED_APPS = ["shop"]
    CELERY_BEAT_SCHEDULE = {"a": {"task": "shop.tasks.count_order", "schedule": 5}}
"""


def test_settings_that_a_class_holds_are_left_to_people_and_lose_nothing(planned):
    settings = "from .base import Base\n\nBase.load_settings(__name__)\n"
    plan = planned(files={"mysite/settings.py": settings, "mysite/base.py": BASE})
    assert not plan.is_whole
    assert "mysite/settings.py" not in plan.changed
    [block] = [snippet.text for snippet in plan.snippets if "WORKLOADS" in snippet.text]
    assert '**(globals().get("CELERY_BEAT_SCHEDULE") or {}),' in block


def test_a_file_that_is_too_large_to_read_is_passed_over(planned):
    plan = planned(files={"tests/cassette.yml": "# beat -S django\n" + "x" * 3_000_000})
    assert plan.is_whole


# -- URLs


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ("urlpatterns = []\n", "[path('djcelery/', include('djcelery_jobs.urls'))]"),
        ("urlpatterns = [\n    # first\n    path('', home),\n]\n",
         "[path('djcelery/', include('djcelery_jobs.urls')), path('', home)]"),
        ("urlpatterns = i18n(path('', home)) + [path('x', home)]\n",
         "i18n(path('', home)) + [path('djcelery/', include('djcelery_jobs.urls')), path('x', home)]"),
    ],
)  # fmt: skip
def test_our_urls_come_first_and_hide_nothing(planned, patterns, expected):
    plan = planned(files={"mysite/urls.py": f"from django.urls import include, path\n\n{patterns}"})
    planned_text = text(plan, "mysite/urls.py")
    assert value(plan, "mysite/urls.py", "urlpatterns") == expected
    assert planned_text.count("import") == 1
    assert planned_text.find("# first") <= planned_text.find("path('', home)")


def test_our_urls_join_a_list_that_is_added_later(planned):
    urls = "from django.urls import include, path\n\nurlpatterns = i18n(path('', x))\nurlpatterns += [path('y', y)]\n"
    planned_text = text(planned(files={"mysite/urls.py": urls}), "mysite/urls.py")
    assert "\nurlpatterns += [path('djcelery/', include('djcelery_jobs.urls')), path('y', y)]\n" in planned_text


def test_urls_without_a_list_are_left_to_people(planned):
    plan = planned(files={"mysite/urls.py": "from shop.routes import urlpatterns\n"})
    [snippet] = plan.snippets
    assert (snippet.path, snippet.is_required) == ("mysite/urls.py", False)


# -- durable tasks


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("@shared_task\ndef", "@shared_task(base=DurableTask)\ndef"),
        ("@shared_task()\ndef", "@shared_task(base=DurableTask)\ndef"),
        ("@shared_task(bind=True, queue='x')\ndef", "@shared_task(bind=True, queue='x', base=DurableTask)\ndef"),
        ("@shared_task(\n    queue='x',\n)\ndef", "@shared_task(\n    queue='x',\n    base=DurableTask,\n)\ndef"),
        ("@app.task\ndef", "@app.task(base=DurableTask)\ndef"),
    ],
)
def test_each_form_of_declaration(planned, declared, expected):
    tasks = (
        "from celery import shared_task\nfrom mysite.celery import app\n\n\n"
        + declared
        + " count_order(order):\n    1\n"
    )
    plan = planned(Levels(durable=("count_order",)), files={"shop/tasks.py": tasks})
    assert expected in text(plan, "shop/tasks.py")
    assert "from djcelery_jobs import DurableTask\n" in text(plan, "shop/tasks.py")


def test_a_base_class_of_its_own_is_left_to_people(planned):
    tasks = TASKS.replace("@shared_task", "@shared_task(base=Audited)")
    plan = planned(Levels(durable=("count_order",)), files={"shop/tasks.py": tasks})
    [snippet] = plan.snippets
    assert snippet.path == "shop/tasks.py"
    assert "djcelery_jobs.DurableTask" in snippet.reason
    assert plan.is_whole  # the jobs are complete without it


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('Celery("mysite")', 'Celery("mysite", task_cls="mysite.tasks:Audited")'),
        ('app = Celery("mysite")', 'from mysite.tasks import Audited\n\napp = Celery("mysite")\napp.Task = Audited'),
    ],
)
def test_a_task_class_of_the_app_is_not_lost(planned, old, new):
    audited = "from celery import Task\n\n\nclass Audited(Task):\n    pass\n"
    plan = planned(
        Levels(durable=("count_order",)), files={"mysite/tasks.py": audited}, replaced={"mysite/celery.py": (old, new)}
    )
    [snippet] = plan.snippets
    assert snippet.path == "shop/tasks.py"
    assert "from mysite.tasks import Audited\n" in snippet.text
    assert "class DurableAudited(DurableTask, Audited): ..." in snippet.text
    assert "mysite.tasks.Audited" in snippet.reason
    assert "shop/tasks.py" not in plan.changed


def test_a_task_class_of_celery_on_the_app_is_in_ours_already(planned):
    new = 'Celery("mysite", task_cls="celery.contrib.django.task:DjangoTask")'
    plan = planned(Levels(durable=("count_order",)), replaced={"mysite/celery.py": ('Celery("mysite")', new)})
    assert "@shared_task(base=DurableTask)" in text(plan, "shop/tasks.py")


@pytest.mark.parametrize(
    ("dispatch", "expected"),
    [
        ("count_order.delay(1)", "count_order.delay_on_commit(1)"),
        ("transaction.on_commit(lambda: count_order.delay(1))", "count_order.delay_on_commit(1)"),
        ("transaction.on_commit(lambda: count_order.delay(1), using='x')",
         "transaction.on_commit(lambda: count_order.delay_on_commit(1), using='x')"),
        ("transaction.on_commit(lambda n=1: count_order.delay(n))",
         "transaction.on_commit(lambda n=1: count_order.delay_on_commit(n))"),
        ("count_order.apply_async((1,), countdown=5)", "count_order.apply_async((1,), countdown=5)"),
        ("result = count_order.delay(1)", "result = count_order.delay(1)"),
    ],
)  # fmt: skip
def test_each_form_of_dispatch(planned, dispatch, expected):
    imports = "from django.db import transaction\nfrom shop.tasks import count_order\n\n\n"
    view = f"{imports}def order(request):\n    {dispatch}\n"
    plan = planned(Levels(durable=("count_order",)), files={"shop/views.py": view})
    after = plan.after.get("shop/views.py", view.encode()).decode()
    assert after.splitlines()[-1].strip() == expected
    assert bool(plan.notes) is dispatch.startswith("result")


def test_two_tasks_of_one_file_get_one_import(planned):
    tasks = TASKS + "\n\n@shared_task\ndef second(order_id):\n    pass\n"
    plan = planned(Levels(durable=("count_order", "second")), files={"shop/tasks.py": tasks})
    assert text(plan, "shop/tasks.py").count("DurableTask\n") == 1
    assert text(plan, "shop/tasks.py").count("(base=DurableTask)") == 2


def test_what_the_check_says_about_the_task_is_told(planned):
    tasks = TASKS + "    import requests\n    requests.post('https://example.com')\n"
    plan = planned(Levels(durable=("count_order",)), files={"shop/tasks.py": tasks})
    assert {finding.path for finding in plan.findings} == {"shop/tasks.py"}


# -- the check


@pytest.fixture
def released(monkeypatch):
    values = template.private_values() | {"_released": True, "_djcelery_version": "0.2.0"}
    monkeypatch.setattr(template, "private_values", lambda: values)


def test_an_unreleased_version_is_named_as_no_package(planned):
    plan = planned(Levels(check=True), files={".pre-commit-config.yaml": "repos:\n  - repo: local\n    hooks: []\n"})
    assert plan.changed == [".djcelery-baseline.json"]


def test_a_released_version_checks_each_commit_and_each_change(planned, released):
    hooks = "repos:\n  - repo: local\n    hooks: []\n"
    files = {".pre-commit-config.yaml": hooks, ".github/workflows/ci.yml": "on: push\n"}
    plan = planned(Levels(check=True), files=files)
    assert plan.changed == [".djcelery-baseline.json", ".github/workflows/djcelery.yml", ".pre-commit-config.yaml"]
    assert "djcelery==0.2.0" in text(plan, ".github/workflows/djcelery.yml")
    assert text(plan, ".pre-commit-config.yaml").startswith(hooks)
    assert "entry: djcelery check --baseline .djcelery-baseline.json" in text(plan, ".pre-commit-config.yaml")


@pytest.mark.parametrize(
    "hooks", ["repos:\n- repo: local\n  hooks: []\n", "repos:\n- repo: a\n  rev: b\n  hooks:\n  - id: c\n"]
)
def test_hooks_at_the_margin_are_understood(planned, released, hooks):
    plan = planned(Levels(check=True), files={".pre-commit-config.yaml": f"repos:\n{hooks}"})
    assert "\n- repo: local\n  hooks:\n    - id: djcelery-check" in text(plan, ".pre-commit-config.yaml")
    assert plan.snippets == []


def test_gitlab_gets_a_job(planned, released):
    plan = planned(Levels(check=True), files={".gitlab-ci.yml": "test:\n  script: pytest\n"})
    assert text(plan, ".gitlab-ci.yml").startswith("test:\n  script: pytest\n\ndjcelery:\n")


def test_a_released_version_is_a_dependency_and_no_folder(planned, released):
    plan = planned()
    assert not any(path.startswith("djcelery_jobs/") for path in plan.changed)
    assert text(plan, "requirements.txt").endswith("djcelery-jobs[redis]>=0.2.0,<0.3\n")


LEFT_OUT = {
    "pyproject.toml": (
        '[project]\nname = "x"\ndependencies = []\n[tool.ruff]\nline-length = 100\n[tool.isort]\nskip = ["a"]\n'
        '[tool.black]\n[tool.coverage.run]\nomit = [\n    "*/tests/*",\n]\n[tool.mypy]\nstrict = true\n',
        '[tool.ruff]\nextend-exclude = ["djcelery_jobs"]\nline-length = 100\n'
        '[tool.isort]\nskip = ["a", "djcelery_jobs"]\n'
        '[tool.black]\nextend-exclude = "djcelery_jobs/"\n[tool.coverage.run]\nomit = [\n    "*/tests/*",\n'
        '    "*/djcelery_jobs/*",\n]\n[tool.mypy]\nstrict = true\n\n[[tool.mypy.overrides]]\n'
        'module = "djcelery_jobs.*"\nignore_errors = true\n',
    ),
    "ruff.toml": (
        'line-length = 100\nexclude = ["a"]\n',
        'line-length = 100\nexclude = ["a", "djcelery_jobs"]\n',
    ),
    "setup.cfg": (
        "[flake8]\nexclude = a,b\n[mypy]\nstrict = True\n[coverage:run]\nomit =\n    */a/*\n",
        "[flake8]\nexclude = a,b,djcelery_jobs\n[mypy]\nstrict = True\n[coverage:run]\nomit =\n    */a/*\n"
        "    */djcelery_jobs/*\n\n[mypy-djcelery_jobs.*]\nignore_errors = True\n",
    ),
    ".flake8": (
        "[flake8]\nmax-line-length = 100\n",
        "[flake8]\nextend-exclude = djcelery_jobs\nmax-line-length = 100\n",
    ),
    "tox.ini": (
        "[flake8]\nexclude =\n    # this is ours\n    ./a.py,\n    # and this, too\n    ./b.py,\n[isort]\nskip = a\n",
        "[flake8]\nexclude =\n    # this is ours\n    ./a.py,\n    # and this, too\n    ./b.py,\n    djcelery_jobs\n"
        "[isort]\nskip = a,djcelery_jobs\n",
    ),
    ".coveragerc": ("[run]\r\nbranch = True\r\n", "[run]\r\nomit = */djcelery_jobs/*\r\nbranch = True\r\n"),
    ".isort.cfg": ("[settings]\nskip = a\n", "[settings]\nskip = a,djcelery_jobs\n"),
}


@pytest.mark.parametrize("path", LEFT_OUT)
def test_the_library_is_left_out_of_the_tools_that_the_project_configures(planned, path):
    before, after = LEFT_OUT[path]
    plan = planned(files={path: before})
    assert text(plan, path).endswith(after)
    assert "leaves djcelery_jobs/ out of " in plan.reasons[path]
    assert plan.notes == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[run]\n  source = a\n  omit = */b/*\n", "[run]\n  source = a\n  omit = */b/*,*/djcelery_jobs/*\n"),
        ("[run]\n  omit =\n    */b/*\n  source = a\n",
         "[run]\n  omit =\n    */b/*\n    */djcelery_jobs/*\n  source = a\n"),
        ("[run]\n\n  # all of it\n  source = a\n",
         "[run]\n  omit = */djcelery_jobs/*\n\n  # all of it\n  source = a\n"),
    ],
)  # fmt: skip
def test_options_that_are_indented_stay_options(planned, before, after):
    plan = planned(files={".coveragerc": before})
    assert text(plan, ".coveragerc") == after
    assert plan.notes == []


def test_a_table_that_is_only_there_through_one_below_it_is_written_above_it(planned):
    before = '[project]\nname = "x"\ndependencies = []\n\n# style\n[tool.ruff.lint]\nselect = ["E"]\n'
    plan = planned(files={"pyproject.toml": before})
    new = '[tool.ruff]\nextend-exclude = ["djcelery_jobs"]\n\n[tool.ruff.lint]'
    assert text(plan, "pyproject.toml").startswith(before.replace("[tool.ruff.lint]", new))
    assert plan.notes == []


def test_a_tool_that_compares_whole_paths_gets_the_path(planned):
    before = '[project]\nname = "x"\ndependencies = []\n[tool.pyright]\nstrict = ["a"]\n'
    plan = planned(layout="below_the_root", files={"pyproject.toml": before})
    assert 'ignore = ["backend/djcelery_jobs"]\n' in text(plan, "pyproject.toml")


@pytest.mark.parametrize(
    ("package", "requirements", "prefix"),
    [
        ("mysite", {"requirements.txt": "django\n"}, "mysite"),
        ("config", {"pyproject.toml": '[project]\nname = "my-shop"\ndependencies = ["django"]\n'}, "my-shop"),
        ("config", {"requirements.txt": "django\n"}, "the-folder"),
    ],
)
def test_the_keys_in_redis_begin_with_a_name_that_no_other_project_shares(tmp_path, package, requirements, prefix):
    left_out = {"mysite/celery.py", "mysite/__init__.py", "requirements.txt"}
    files = {path: text for path, text in LAYOUTS["single_file"].files.items() if path not in left_out}
    for path, text_of_file in ({"mysite/__init__.py": ""} | files | requirements).items():
        file = tmp_path / "the-folder" / path.replace("mysite", package)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text_of_file.replace("mysite", package))
    plan = Installer.of(tmp_path / "the-folder", "").plan(JOBS)
    assert f'"global_keyprefix": "{prefix}:"' in text(plan, f"{package}/settings.py")


def test_a_script_that_starts_beat_gets_our_scheduler(planned):
    script = (
        "import subprocess\n\nscheduler = 'django_celery_beat.schedulers:DatabaseScheduler'\n"
        "subprocess.run(['celery', '-A', 'mysite', 'beat', '--scheduler', scheduler])\n"
    )
    plan = planned(files={"utils/start_beat.py": script})
    ours = "djcelery_jobs:LockedDatabaseScheduler"
    assert text(plan, "utils/start_beat.py") == script.replace("django_celery_beat.schedulers:DatabaseScheduler", ours)
    assert value(plan, "mysite/settings.py", "CELERY_BEAT_SCHEDULER") == repr(ours)


def test_a_tool_whose_configuration_cannot_be_edited_is_named(planned):
    plan = planned(files={"pyproject.toml": '[project]\nname = "x"\n[tool.black]\nextend-exclude = "a/"\n'})
    assert plan.notes == ["Leave djcelery_jobs/ out of black in pyproject.toml yourself: it has a pattern of its own."]
    assert plan.snippets == [] or plan.is_whole


def test_an_installed_library_needs_no_such_line(planned, released):
    plan = planned(files={".flake8": "[flake8]\n"})
    assert ".flake8" not in plan.changed


PRE_COMMIT = ".pre-commit-config.yaml"
HOOKS = "repos:\n  - repo: local\n    hooks:\n      - {id: a, name: a, entry: a, language: system}\n"
EXCLUDED = {
    "no exclude": (f"# ours\ndefault_stages: [pre-commit]\n{HOOKS}",
                   f"# ours\ndefault_stages: [pre-commit]\nexclude: ^djcelery_jobs/\n{HOOKS}"),
    "after a start of the document": (f"---\n{HOOKS}", f"---\nexclude: ^djcelery_jobs/\n{HOOKS}"),
    "windows": (HOOKS.replace("\n", "\r\n"), "exclude: ^djcelery_jobs/\r\n" + HOOKS.replace("\n", "\r\n")),
    "plain": (f"exclude: ^docs/|/migrations/  # made\n{HOOKS}",
              f"exclude: ^djcelery_jobs/|^docs/|/migrations/  # made\n{HOOKS}"),
    "at the end, in quotes": (f"{HOOKS}exclude: '(?i)^Docs/'", f"{HOOKS}exclude: '(?i)^djcelery_jobs/|^Docs/'"),
    "in double quotes": (f'exclude: "^a\\\\.b"\n{HOOKS}', f'exclude: "^djcelery_jobs/|^a\\\\.b"\n{HOOKS}'),
    "a block": (f"exclude: |\n    (?x)^(\n      a/.*|\n      b\n    )$\n{HOOKS}",
                f"exclude: |\n    (?x)^djcelery_jobs/|^(\n      a/.*|\n      b\n    )$\n{HOOKS}"),
    "a folded block": (f"exclude: >-\n  ^a/|\n  ^b/\n{HOOKS}", f"exclude: >-\n  ^djcelery_jobs/|^a/|\n  ^b/\n{HOOKS}"),
}  # fmt: skip


@pytest.mark.parametrize("kind", EXCLUDED)
def test_the_library_is_left_out_of_pre_commit(planned, kind):
    before, after = EXCLUDED[kind]
    plan = planned(files={PRE_COMMIT: before})
    assert text(plan, PRE_COMMIT) == after
    assert plan.reasons[PRE_COMMIT] == "leaves djcelery_jobs/ out of pre-commit"
    assert plan.snippets == []
    exclude = yaml.safe_load(after)["exclude"]
    assert re.search(exclude, "djcelery_jobs/core/task.py")
    assert not re.search(exclude, "shop/djcelery_jobs_of_ours.py")


@pytest.mark.parametrize("exclude", ["^djcelery_jobs/", "(^|/)djcelery_jobs/", '""'])
def test_hooks_that_leave_the_library_out_already_stay_as_they_are(planned, exclude):
    plan = planned(files={PRE_COMMIT: f"exclude: {exclude}\n{HOOKS}"})
    assert PRE_COMMIT not in plan.changed
    assert plan.snippets == []


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (f"exclude: &made ^docs/\n{HOOKS}", "the new text would mean something else there"),
        (f"exclude: [a]\n{HOOKS}", "its exclude is not a text"),
        (f"exclude: (\n{HOOKS}", "its exclude is not a pattern: "),
        (f"exclude: ^docs/\nexclude: ^x/\n{HOOKS}", "the new text would mean something else there"),
        ("{repos: []}\n", "it is not a block of keys"),
        ("fail_fast: true\n", "it has no repos"),
        ("repos: [\n", "it is not valid YAML: "),
        (f"{HOOKS}---\na: b\n", "it is not one mapping"),
    ],
)
def test_hooks_that_cannot_be_edited_are_left_to_people(planned, config, reason):
    plan = planned(files={PRE_COMMIT: config})
    assert PRE_COMMIT not in plan.changed
    [snippet] = plan.snippets
    assert (snippet.path, snippet.text, snippet.is_required) == (PRE_COMMIT, "exclude: ^djcelery_jobs/\n", False)
    assert snippet.reason.startswith(reason)
    assert plan.is_whole


def test_a_library_below_the_root_is_named_by_its_whole_path(planned):
    plan = planned(layout="below_the_root", files={PRE_COMMIT: HOOKS})
    [init] = [path for path in plan.changed if path.endswith("djcelery_jobs/__init__.py")]
    folder = init.removesuffix("/__init__.py")
    assert folder != "djcelery_jobs"
    assert yaml.safe_load(text(plan, PRE_COMMIT))["exclude"] == f"^{folder}/"


def test_hooks_of_a_repository_above_are_left_to_people(planned, tmp_path, monkeypatch):
    monkeypatch.setattr(repository, "enclosing", lambda folder: tmp_path.parent)
    (tmp_path.parent / PRE_COMMIT).write_text(HOOKS)
    [snippet] = planned().snippets
    assert (snippet.path, snippet.text) == (f"../{PRE_COMMIT}", f"exclude: ^{tmp_path.name}/djcelery_jobs/\n")
    assert (tmp_path.parent / PRE_COMMIT).read_text() == HOOKS


def test_the_hook_of_the_check_and_the_exclusion_go_together(planned, monkeypatch):
    real = template.private_values()
    plan = planned(files={PRE_COMMIT: HOOKS})
    monkeypatch.setattr(template, "private_values", lambda: real | {"_released": True})
    add_check(plan, Installation.find(str(plan.root)), str(plan.root))
    config = yaml.safe_load(text(plan, PRE_COMMIT))
    assert config["exclude"] == "^djcelery_jobs/"
    assert [hook["id"] for repo in config["repos"] for hook in repo["hooks"]] == ["a", "djcelery-check"]


def test_hooks_stay_where_the_library_is_installed(planned, released):
    plan = planned(files={PRE_COMMIT: HOOKS})
    assert PRE_COMMIT not in plan.changed
    assert plan.snippets == []


def test_what_init_writes_is_no_finding_of_the_baseline(planned):
    plan = planned(Levels(check=True, jobs=True))
    assert json.loads(text(plan, ".djcelery-baseline.json"))["findings"] == {}
    assert plan.reasons[".djcelery-baseline.json"] == "a baseline of the 0 findings of today"


def test_the_baseline_is_used_through_pyproject(planned):
    plan = planned(Levels(check=True), layout="package")
    assert text(plan, "pyproject.toml").endswith('\n[tool.djcelery]\nbaseline = ".djcelery-baseline.json"\n')


def test_a_table_of_ours_is_left_to_people(planned):
    plan = planned(Levels(check=True), files={"pyproject.toml": '[tool.djcelery]\nseverity = "error"\n'})
    [snippet] = plan.snippets
    assert (snippet.path, snippet.text) == ("pyproject.toml", 'baseline = ".djcelery-baseline.json"\n')


def test_the_layouts_are_no_tests_for_the_reader():
    assert not any(is_test(path) for path in single_file().files if "tests" not in path)
