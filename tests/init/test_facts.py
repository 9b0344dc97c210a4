"""Test what `init` finds in an existing project, and where."""

from __future__ import annotations

import pytest

from djcelery.errors import CommandError
from djcelery.installing.report import facts
from djcelery.project.conflicts import find_conflicts
from djcelery.project.dependency_files import dependency_file
from djcelery.project.files import Tree
from djcelery.project.installation import Installation
from tests.init.layouts import LAYOUTS, celery_app, manage, settings, single_file


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Return a function that reads a layout from the disk, each once."""
    known = {}

    def read(name):
        if name not in known:
            known[name] = Installation.find(str(LAYOUTS[name].build(tmp_path_factory.mktemp(name))))
        return known[name]

    return read


def at(place):
    return f"{place.module.path}:{place.value.line}"


@pytest.mark.parametrize("name", LAYOUTS)
class TestEachLayout:
    def test_the_settings_module_and_what_names_it(self, found, name):
        expected, installation = LAYOUTS[name].expected, found(name)
        first = installation.entry_points[0]
        assert installation.settings_name == expected.settings
        assert f"{first.path}:{first.line}" == expected.named_in

    def test_installed_apps_and_the_one_place_to_add_to(self, found, name):
        expected, installation = LAYOUTS[name].expected, found(name)
        assert {"django.contrib.admin", "shop"} <= set(installation.installed_apps.names)
        assert installation.installed_apps.kind == expected.apps_kind
        assert [at(place) for place in installation.places("INSTALLED_APPS")] == [expected.apps_at]

    def test_the_database(self, found, name):
        databases = found(name).settings.databases
        assert databases[0].alias == "default"
        assert databases[0].engine == LAYOUTS[name].expected.engine

    def test_the_celery_app(self, found, name):
        expected, celery = LAYOUTS[name].expected, found(name).celery
        app = celery.app
        assert (f"{app.module.path}:{app.variable}" if app else "") == expected.app
        assert (app.namespace if app else "CELERY") == expected.namespace
        assert celery.is_made_by_function is expected.is_factory

    def test_broker_queues_scheduler_and_schedule(self, found, name):
        expected, installation = LAYOUTS[name].expected, found(name)
        assert installation.project.brokers == expected.brokers
        assert tuple(queue.name for queue in installation.celery.queues) == expected.queues
        assert installation.celery.scheduler == expected.scheduler
        assert tuple(entry.name for entry in installation.project.schedule) == expected.schedule

    def test_the_dependency_file_and_its_lock(self, found, name):
        expected, file = LAYOUTS[name].expected, found(name).dependencies
        assert (file.path, file.kind) == expected.dependencies
        assert file.lock == expected.lock
        assert file.of("Django") is not None

    def test_the_folder_that_packages_are_imported_from(self, found, name):
        assert found(name).import_root == LAYOUTS[name].expected.root

    def test_the_conflicts(self, found, name):
        conflicts = find_conflicts(found(name))
        assert tuple(conflict.name for conflict in conflicts) == LAYOUTS[name].expected.conflicts


@pytest.mark.parametrize(
    ("changes", "name", "at", "is_blocking"),
    [
        ({"requirements.txt": "django==4.2.1\ncelery\n"}, "old-django", "requirements.txt:0", True),
        ({"requirements.txt": "django>=4.2,<5\ncelery\n"}, "old-django", "requirements.txt:0", True),
        ({"requirements.txt": "django\ncelery==5.4.0\n"}, "old-celery", "requirements.txt:0", True),
        ({"requirements.txt": "django~=5.1.2\ncelery\n"}, "old-django", "requirements.txt:0", True),
        ({".python-version": "3.10\n"}, "old-python", ".python-version:0", True),
        ({"+": 'CELERY_TASK_SERIALIZER = "pickle"\n'}, "pickle", "mysite/settings.py:39", False),
        ({"+": 'CELERY_ACCEPT_CONTENT = ["json", "pickle"]\n'}, "pickle", "mysite/settings.py:39", False),
        ({"+": 'CELERY_TASK_SERIALIZER = "signed-pickle"\n'}, "pickle", "mysite/settings.py:39", False),
        ({"+": "CELERY_TASK_ALWAYS_EAGER = True\n"}, "always-eager", "mysite/settings.py:39", False),
        ({"+": 'CELERY_TASK_ALWAYS_EAGER = env.bool("EAGER", True)\n'}, "always-eager", "mysite/settings.py:39", False),
        ({"+": 'CELERY_TASK_ALWAYS_EAGER = env.bool("EAGER", default=True)\n'}, "always-eager",
         "mysite/settings.py:39", False),
        ({"+": "if DEBUG:\n    CELERY_TASK_ALWAYS_EAGER = True\n"}, "always-eager", "mysite/settings.py:40", False),
        ({"+": 'CELERY_BEAT_SCHEDULER = "redbeat.RedBeatScheduler"\n'}, "scheduler", "mysite/settings.py:39", True),
        ({"+": "WORKLOADS = 3\n"}, "setting-name", "mysite/settings.py:39", True),
        ({"+": 'TASKS = {"default": {"BACKEND": "django.tasks.backends.immediate.ImmediateBackend"}}\n'},
         "other-queue", "requirements.txt:0", False),
        ({"+": 'INSTALLED_APPS += ["django_rq"]\n'}, "other-queue", "requirements.txt:0", False),
        ({"+": 'INSTALLED_APPS += ["huey.contrib.djhuey"]\n'}, "other-queue", "requirements.txt:0", False),
        ({"+": 'INSTALLED_APPS += ["django_q"]\n'}, "other-queue", "requirements.txt:0", False),
        ({"shop/second.py": celery_app("mysite.settings", "second")}, "second-app", "shop/second.py:7", False),
        ({"shop/management/commands/jobs.py": "x = 1\n"}, "command-name", "shop/management/commands/jobs.py:1", False),
        ({"djcelery_jobs/__init__.py": ""}, "folder", "djcelery_jobs/__init__.py:1", True),
        ({"mysite/settings.py": settings("mysite.urls", databases='DATABASES = {"default": {"ENGINE": "djongo"}}\n')},
         "no-transactions", "mysite/settings.py:18", True),
        ({"mysite/settings.py": settings("mysite.urls", databases='DATABASES = {"default": {"ENGINE": '
                                         '"django.db.backends.mysql"}}\n')},
         "untested-database", "mysite/settings.py:18", False),
        ({"mysite/settings.py": settings("mysite.urls", celery='CELERY_BROKER_URL = "sqs://"\n')},
         "broker", "mysite/settings.py:38", True),
    ],
)  # fmt: skip
def test_conflicts_are_found_with_their_place_and_a_way_out(changes, name, at, is_blocking):
    files = dict(single_file().files)
    files["mysite/settings.py"] += changes.pop("+", "")
    conflicts = find_conflicts(Installation.of(files | changes))
    [conflict] = [conflict for conflict in conflicts if conflict.name == name]
    assert f"{conflict.path}:{conflict.line}" == at
    assert conflict.is_blocking is is_blocking
    assert conflict.text
    assert conflict.way_out


@pytest.mark.parametrize("spec", ["", ">=4.2", "~=5.0", "==5.2.*", "==6.0.2", "<6.1,>=5.2", "<7"])
def test_versions_that_the_library_runs_on_are_no_conflict(spec):
    files = single_file().files | {"requirements.txt": f"Django{spec}\ncelery>=5.3\n"}
    assert find_conflicts(Installation.of(files)) == []


def test_always_eager_in_the_settings_of_tests_is_no_conflict():
    files = single_file().files | {
        "mysite/test_settings.py": "from .settings import *\n\nCELERY_TASK_ALWAYS_EAGER = True\n"
    }
    assert find_conflicts(Installation.of(files)) == []


def test_a_project_without_the_admin_is_told_so():
    files = LAYOUTS["single_file"].files
    text = files["mysite/settings.py"].replace('    "django.contrib.admin",\n', "")
    [conflict] = find_conflicts(Installation.of(files | {"mysite/settings.py": text}))
    assert (conflict.name, conflict.path, conflict.line) == ("no-admin", "mysite/settings.py", 5)
    assert not conflict.is_blocking


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("CELERY_TASK_ALWAYS_EAGER = True\n", "Tasks run inline, also on a server."),
        ('CELERY_TASK_ALWAYS_EAGER = env("EAGER", True)\n', "Tasks run inline, unless the environment says otherwise."),
        ("if DEBUG:\n    CELERY_TASK_ALWAYS_EAGER = True\n", "Tasks run inline where a condition holds."),
        ('CELERY_TASK_SERIALIZER = "pickle"\n', "Messages are pickled."),
        ('CELERY_TASK_SERIALIZER = "signed-pickle"\n', "Messages are written by the serializer signed-pickle."),
    ],
)
def test_a_conflict_says_when_it_holds(setting, text):
    files = LAYOUTS["single_file"].files
    found = Installation.of(files | {"mysite/settings.py": files["mysite/settings.py"] + setting})
    assert [conflict.text for conflict in find_conflicts(found)] == [text]


@pytest.mark.parametrize("setting", ['env.bool("EAGER", False)', 'env.bool("EAGER")', "not DEBUG", "False"])
def test_tasks_that_wait_for_a_worker_are_no_conflict(setting):
    files = LAYOUTS["single_file"].files
    text = f"{files['mysite/settings.py']}CELERY_TASK_ALWAYS_EAGER = {setting}\n"
    assert find_conflicts(Installation.of(files | {"mysite/settings.py": text})) == []


def test_a_package_that_only_collects_fragments_is_settings_wherever_they_are():
    files = LAYOUTS["single_file"].files
    celery = (
        'HOST = os.environ["HOST"]\nCELERY_BROKER_URL = f"redis://{HOST}:6379/0"\nCELERY_TASK_SERIALIZER = "pickle"\n'
    )
    found = Installation.of(
        {path: text for path, text in files.items() if path != "mysite/settings.py"}
        | {
            "mysite/settings/__init__.py": "from .django import *\nfrom .others.queues import *\n",
            "mysite/settings/django.py": settings("mysite.urls", celery="", depth=3),
            "mysite/settings/others/__init__.py": "",
            "mysite/settings/others/queues.py": f"import os\n\n{celery}",
        }
    )
    assert found.project.brokers == {"redis"}
    assert [conflict.name for conflict in find_conflicts(found)] == ["pickle"]
    assert facts(found)["broker"] == ("redis", "mysite/settings/others/queues.py:4")


def test_a_scheme_that_is_filled_in_later_names_no_broker():
    files = LAYOUTS["single_file"].files
    url = 'FORM = "%(protocol)s://%(host)s"\nCELERY_BROKER_URL = FORM % {"protocol": PROTOCOL, "host": HOST}\n'
    found = Installation.of(files | {"mysite/settings.py": settings("mysite.urls", celery=url)})
    assert facts(found)["broker"][0] == "from the environment"


def test_what_code_works_out_is_said_with_its_place():
    files = LAYOUTS["single_file"].files
    databases = "DATABASES = parse_databases()\n"
    text = settings("mysite.urls", databases=databases) + "CELERY_BEAT_SCHEDULE = parse_schedule()\n"
    app = 'from celery import Celery\n\napp = Celery(config_source="django.conf:settings", namespace="CELERY")\n'
    rows = facts(Installation.of(files | {"mysite/settings.py": text, "mysite/celery.py": app}))
    lines = text.splitlines()
    assert rows["databases"] == ("worked out by code", f"mysite/settings.py:{lines.index(databases.strip()) + 1}")
    assert rows["schedule"] == ("made by code, in the settings", f"mysite/settings.py:{len(lines)}")
    assert rows["Celery app"][0] == "app, without a name"


def test_a_script_that_starts_beat_names_the_scheduler():
    script = (
        'scheduler = "django_celery_beat.schedulers:DatabaseScheduler"\n'
        'cmd = ["celery", "-A", "mysite", "beat", "--scheduler", scheduler]\n'
    )
    found = Installation.of(LAYOUTS["single_file"].files | {"utils/start_beat.py": script})
    assert found.celery.scheduler == "django_celery_beat.schedulers:DatabaseScheduler"


def test_middleware_of_the_base_settings_is_the_place_though_others_add_to_it():
    files = single_file().files | {
        "mysite/local.py": "from .settings import *\n\nMIDDLEWARE = ['a.b'] + MIDDLEWARE + ['toolbar']\n",
        "manage.py": manage("mysite.local"),
    }
    [place] = Installation.of(files).places("MIDDLEWARE")
    assert at(place) == "mysite/settings.py:13"


def test_two_settings_that_share_no_list_are_two_places():
    files = single_file().files
    files = files | {"mysite/other.py": files["mysite/settings.py"], "mysite/wsgi.py":
                     files["mysite/wsgi.py"].replace("mysite.settings", "mysite.other")}  # fmt: skip
    places = Installation.of(files).places("INSTALLED_APPS")
    assert [at(place) for place in places] == ["mysite/settings.py:5", "mysite/other.py:5"]


def test_a_list_that_a_branch_replaces_has_no_certain_place():
    files = dict(single_file().files)
    files["mysite/settings.py"] += "if DEBUG:\n    INSTALLED_APPS = ['shop']\n"
    assert Installation.of(files).places("INSTALLED_APPS") == []


def test_the_environment_names_the_settings_where_no_code_does():
    files = dict(single_file().files)
    files["manage.py"] = LAYOUTS["named_by_pytest"].files["manage.py"]
    del files["mysite/wsgi.py"]
    files["compose.yaml"] = "services:\n  web:\n    environment:\n      DJANGO_SETTINGS_MODULE: mysite.settings\n"
    files["mysite/celery.py"] = files["mysite/celery.py"].replace('os.environ.setdefault("DJANGO', '# ("')
    installation = Installation.of(files)
    [point] = installation.entry_points
    assert (point.path, point.line, installation.settings_name) == ("compose.yaml", 4, "mysite.settings")


def test_a_folder_without_a_project_is_refused(tmp_path):
    with pytest.raises(CommandError, match=r"There is no manage\.py below"):
        Installation.find(str(tmp_path))


def test_several_projects_are_refused_by_name(tmp_path):
    for name in ("one", "two"):
        single_file().build(tmp_path / name)
    with pytest.raises(CommandError, match="There are several Django projects here") as error:
        Installation.find(str(tmp_path))
    assert error.value.hint == "Name one of these folders: one, two"


def test_settings_that_nothing_names_are_asked_for(tmp_path):
    LAYOUTS["named_by_pytest"].build(tmp_path)
    (tmp_path / "pytest.ini").unlink()
    (tmp_path / "mysite/celery.py").write_text("")
    with pytest.raises(CommandError, match="name no settings module") as error:
        Installation.find(str(tmp_path))
    assert "--settings" in error.value.hint
    assert Installation.find(str(tmp_path), "mysite.settings.test").settings_name == "mysite.settings.test"


@pytest.mark.parametrize(
    ("texts", "path", "kind", "lock"),
    [
        ({"requirements.txt": "django\n", "requirements-dev.txt": "pytest\n"}, "requirements.txt", "requirements", ""),
        ({"requirements/prod.txt": "django\n", "requirements/dev.txt": "django\n"}, "requirements/prod.txt",
         "requirements", ""),
        ({"requirements.in": "django\n", "requirements.txt": "django==5.2\n"}, "requirements.in", "pip-tools",
         "pip-compile requirements.in"),
        ({"setup.py": 'setup(install_requires=["django>=5.2", "celery"])\n'}, "setup.py", "setup.py", ""),
        ({"pyproject.toml": "[tool.ruff]\n", "requirements.txt": "Django\n"}, "requirements.txt", "requirements", ""),
        ({"Pipfile": '[packages]\nDjango = "*"\n', "Pipfile.lock": "{}"}, "Pipfile", "pipenv", "pipenv lock"),
    ],
)  # fmt: skip
def test_each_kind_of_dependency_file(texts, path, kind, lock):
    tree = Tree(texts=texts)
    tree.scan()
    file = dependency_file(tree, "")
    assert (file.path, file.kind, file.lock) == (path, kind, lock)
    assert file.of("django") is not None


@pytest.mark.parametrize(
    ("folder", "settings_name", "task"),
    [
        ("apps", "mysite.settings", "shop.tasks.count_order"),  # the settings are a package of the script's folder
        ("mysite", "mysite.settings", "mysite.shop.tasks.count_order"),  # the script is inside of the package
    ],
)
def test_a_manage_py_beside_an_init_py(folder, settings_name, task):
    files = {f"{folder}/__init__.py": ""}
    for path, text in single_file().files.items():
        path = path.removeprefix("mysite/") if folder == "mysite" else path
        files[f"{folder}/{path}"] = text
    installation = Installation.of(files)
    assert installation.settings_name == settings_name
    assert installation.settings.exists
    assert [known.name for known in installation.project.own_tasks] == [task]
