"""Test the validation of what was rendered: a good project passes, and each way of breaking it is seen."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OPEN = "{" + "{"


def load(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / f"hooks/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


post = load("post_gen_project")

CONTEXT = {
    "project_slug": "shop", "broker": "redis", "results": "none", "schedule": "settings", "sentry": True,
    "ci": "github", "kubernetes": True, "example": True, "description": "A shop", "author": "Zoë O'Brien", "email": "",
    "_djcelery_version": "1.2.3", "_vendored": True, "_copy_without_render": ["monitoring"], "__repeat": "uvx ...",
}  # fmt: skip
GOOD = {
    "Procfile": "web: gunicorn shop.wsgi\nworker-fast: python manage.py worker fast\n"
    "worker-slow: python manage.py worker slow\n",
    "compose.yaml": "services:\n  fast: {command: [python, manage.py, worker, fast]}\n"
    "  slow:\n    command: python manage.py worker slow\n",
    "deploy/kubernetes/base/workers.yaml": 'command: ["python", "manage.py", "worker", "fast"]\n---\n'
    'command: ["python", "manage.py", "worker", "slow"]\n',
    "pyproject.toml": '[tool.pytest]\nDJANGO_SETTINGS_MODULE = "shop.settings.test"\n',
    "data.json": "{}",
    "page.html": "{% if x %}{{ x }}{% endif %}",
    "orders/templates/receipt.txt": "{% if x %}{{ x }}{% endif %}",
    ".github/workflows/ci.yml": "run: ${{ matrix.python }}\n",
    "shop/settings/__init__.py": "",
    "shop/settings/test.py": "",
    "shop/settings/jobs.py": (
        "class Workload: ...\n"
        'WORKLOADS: dict[str, Workload] = {"fast": Workload(), "slow": Workload(), "spare": Workload()}\n'
        'ROUTES = {"orders.tasks.reserve": "fast", "orders.import": "slow",\n'
        '          "djcelery_jobs.tasks.prune": "slow"}\n'
        'CELERY_BEAT_SCHEDULE = {"nightly": {"task": "orders.tasks.reserve", "schedule": 60}}\n'
    ),
    "orders/tasks.py": (
        "from celery import shared_task\nimport celery\n"
        "@shared_task\ndef reserve(): pass\n"
        "@celery.shared_task(bind=True, name='orders.import')\ndef load(self): pass\n"
        "def helper(): pass\n"
    ),
    "tests/test_tasks.py": "from celery import shared_task\n@shared_task\ndef only_here(): pass\n",
}  # fmt: skip
FOLDERS = (".github", "djcelery_jobs", "deploy/kubernetes", "orders", "tests/orders")
JOBS = GOOD["shop/settings/jobs.py"]
TASKS = GOOD["orders/tasks.py"]

# The check, what to change, and a word of the sentence that must come.
BROKEN = [
    ("everything_parses", {"orders/views.py": "def f(:\n"}, "orders/views.py does not parse"),
    ("everything_parses", {"orders/views.py": "return 1\n"}, "orders/views.py does not parse"),
    ("everything_parses", {"pyproject.toml": "a = \n"}, "pyproject.toml does not parse"),
    ("everything_parses", {"more.yml": "a: [1\n"}, "more.yml does not parse"),
    ("everything_parses", {"compose.yaml": GOOD["compose.yaml"] + "a: b: c\n"}, "compose.yaml does not parse"),
    ("everything_parses", {"data.json": "{'a': 1}"}, "data.json does not parse"),
    ("no_template_tag_is_left", {"README.md": f"{OPEN} cookiecutter.author }}}}"}, "README.md"),
    ("no_template_tag_is_left", {"page.html": f"{OPEN}cookiecutter.author}}}}"}, "page.html"),
    ("no_template_tag_is_left", {"notes.txt": '{% if cookiecutter.broker == "redis" %}'}, "notes.txt"),
    ("no_template_tag_is_left", {"orders/views.py": "# {% endif %}\n"}, "orders/views.py"),
    ("no_template_tag_is_left", {f"{OPEN}cookiecutter.x}}}}.txt": ""}, "cookiecutter.x"),
    ("the_library_is_a_folder", {"djcelery_jobs": "../lib/djcelery_jobs"}, "without its symbolic links"),
    (
        "every_routed_queue_is_declared",
        {"shop/settings/jobs.py": JOBS.replace('"slow": Workload(), ', "")},
        "'slow', which WORKLOADS does not declare",
    ),
    ("every_routed_queue_is_declared", {"shop/settings/jobs.py": JOBS.replace(': "slow"', ": SLOW")}, "orders.import"),
    (
        "every_routed_queue_is_consumed",
        {"Procfile": GOOD["Procfile"].replace("worker slow", "worker spare")},
        "in Procfile consumes the queue 'slow'",
    ),
    (
        "every_routed_queue_is_consumed",
        {"Procfile": GOOD["Procfile"].replace("worker-slow", "#worker-slow")},
        "in Procfile consumes the queue 'slow'",
    ),
    (
        "every_routed_queue_is_consumed",
        {"compose.yaml": GOOD["compose.yaml"].replace("worker, fast", "worker, spare")},
        "in compose.yaml consumes the queue 'fast'",
    ),
    ("every_routed_queue_is_consumed", {"compose.yaml": None}, "in compose.yaml"),
    (
        "every_routed_queue_is_consumed",
        {"deploy/kubernetes/base/workers.yaml": 'command: ["python", "manage.py", "worker", "fast"]\n'},
        "in deploy/kubernetes/base/workers.yaml consumes the queue 'slow'",
    ),
    (
        "every_worker_has_a_queue",
        {"Procfile": GOOD["Procfile"] + "worker-fsat: python manage.py worker fsat\n"},
        "in Procfile consumes 'fsat'",
    ),
    (
        "every_task_has_a_route",
        {"users/tasks.py": "@shared_task\ndef sweep(): pass\n"},
        "users.tasks.sweep has no route",
    ),
    ("every_route_has_a_task", {"orders/tasks.py": TASKS.replace("reserve", "keep")}, "orders.tasks.reserve"),
    ("every_route_has_a_task", {"orders/tasks.py": TASKS.replace("orders.import", "orders.load")}, "orders.import"),
    (
        "every_beat_entry_has_a_task",
        {"shop/settings/jobs.py": JOBS.replace('"task": "orders.tasks.reserve"', '"task": "orders.tasks.resreve"')},
        "'nightly' names the task orders.tasks.resreve",
    ),
    (
        "every_beat_entry_has_a_task",
        {"shop/settings/jobs.py": JOBS.replace('"task": "orders.tasks.reserve", ', "")},
        "'nightly' names the task None",
    ),
    (
        "every_settings_module_exists",
        {"Dockerfile": "ENV DJANGO_SETTINGS_MODULE=shop.settings.prodution\n"},
        "Dockerfile names the settings module shop.settings.prodution",
    ),
]


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            path.unlink()
        else:
            path.write_text(text, encoding="utf-8")


@pytest.fixture
def project(tmp_path):
    write(tmp_path, GOOD)
    return tmp_path


def test_a_good_project_passes(project):
    assert post.finish(project, CONTEXT) == []


def test_known_contents_are_not_read_again_but_validated(project):
    written = {"data.json": b"{'a': 1}", "not/in/the/project.json": b"{"}
    tree = post.Tree(project, "shop", (), written)
    assert tree.contents == {name: text.encode() for name, text in GOOD.items()} | {"data.json": b"{'a': 1}"}
    assert [sentence.split()[0] for sentence in post.finish(project, CONTEXT, written)] == ["data.json"]


@pytest.mark.parametrize(("check", "files", "words"), BROKEN, ids=[f"{c}-{next(iter(f))}" for c, f, _ in BROKEN])
def test_a_broken_project_is_refused_and_not_recorded(project, check, files, words):
    write(project, files)
    found = list(getattr(post, check)(post.Tree(project, "shop")))
    assert any(words in sentence for sentence in found), found
    assert all("\n" not in sentence for sentence in found)
    assert set(found) <= set(post.finish(project, CONTEXT))
    assert not (project / ".djcelery.toml").exists()


def test_the_tasks_of_the_library_are_known_without_reading_it():
    declared = re.findall(
        r"^@shared_task.*\ndef (\w+)", (ROOT / "lib/djcelery_jobs/tasks.py").read_text(), re.MULTILINE
    )
    assert {f"djcelery_jobs.tasks.{name}" for name in declared} == post.LIBRARY_TASKS


def test_the_vendored_library_is_not_judged_as_the_teams_code(project):
    write(project, {"djcelery_jobs/more.py": "@shared_task\ndef sweep(): pass\n"})
    assert list(post.every_task_has_a_route(post.Tree(project, "shop"))) == []


def test_each_check_is_shown_to_fail():
    assert {check for check, _, _ in BROKEN} == {check.__name__ for check in post.CHECKS}


@pytest.mark.parametrize(
    ("answers", "gone", "kept"),
    [
        ({"ci": "github"}, {".gitlab-ci.yml"}, {".github"}),
        ({"ci": "gitlab"}, {".github"}, {".gitlab-ci.yml"}),
        ({"ci": "none"}, {".github", ".gitlab-ci.yml"}, set()),
        ({"kubernetes": True}, {"deploy/kubernetes/scaling/rabbitmq.yaml"}, {"deploy/kubernetes/scaling/redis.yaml"}),
        ({"kubernetes": False}, {"deploy/kubernetes"}, set()),
        ({"example": True}, {"shop/views.py", "shop/templates/start.html"}, {"orders", "tests/orders"}),
        ({"example": False}, {"orders", "tests/orders"}, {"shop/views.py", "shop/templates/start.html"}),
        ({"vendor": True}, set(), {"djcelery_jobs"}),
        ({"vendor": False}, {"djcelery_jobs"}, set()),
    ],
)
def test_what_the_answers_leave_without_purpose_is_dropped(tmp_path, answers, gone, kept):
    for name in post.KEPT_WHILE:
        path = name.replace(post.PACKAGE, "shop")
        write(tmp_path, {f"{path}/inside" if path in FOLDERS else path: "", "manage.py": ""})
    post.drop(tmp_path, {**CONTEXT, "vendor": True, **answers})
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}
    assert left & gone == set()
    assert left >= kept | {"manage.py"}


def test_caches_are_removed_and_everything_becomes_writable(project):
    write(project, {"orders/__pycache__/views.cpython-311.pyc": "\0", ".ruff_cache/0.1/hash": "", "kept_cache.py": ""})
    (project / "orders/__pycache__").chmod(0o555)
    (project / "orders/tasks.py").chmod(0o444)
    (project / "orders").chmod(0o555)
    post.tidy(project)
    assert {path.name for path in project.rglob("*cache*")} == {"kept_cache.py"}
    assert all(path.stat().st_mode & 0o200 for path in project.rglob("*"))


def test_what_cookiecutter_only_copies_is_not_parsed_again(project):
    write(project, {"monitoring/alerts.yaml": "a: b: c", "deploy/monitoring/alerts.yaml": "a: b: c"})
    assert [sentence.split()[0] for sentence in post.finish(project, CONTEXT)] == ["deploy/monitoring/alerts.yaml"]


def test_every_condition_of_the_table_can_hold_and_fail():
    questions = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
    for path, is_wanted in post.KEPT_WHILE.items():
        results = {
            bool(is_wanted(post.answers_in(CONTEXT | {key: value})))
            for key, raw in questions.items()
            if isinstance(raw, list | bool) and (not key.startswith("_") or key == "_vendored")
            for value in (raw if isinstance(raw, list) else (True, False))
        }
        assert results == {True, False}, path


def test_the_table_names_only_what_the_template_has():
    for path in post.KEPT_WHILE:
        slug = "{{cookiecutter.project_slug}}"
        assert (ROOT / slug / path.replace(post.PACKAGE, slug)).exists(), path


def test_the_record(project):
    write(project, {".env": "SECRET=1"})
    post.finish(project, CONTEXT)
    text = (project / ".djcelery.toml").read_text(encoding="utf-8")
    found = tomllib.loads(text)
    assert found["version"] == "1.2.3"
    assert found["answers"] == post.answers_in(CONTEXT)
    assert found["answers"]["vendor"] is True
    assert found["files"] == {
        name: hashlib.sha256(content.encode()).hexdigest() for name, content in sorted(GOOD.items())
    }
    post.finish(project, CONTEXT)
    assert (project / ".djcelery.toml").read_text(encoding="utf-8") == text


def test_as_a_script_it_says_what_is_wrong_and_fails(project, monkeypatch, capsys):
    monkeypatch.chdir(project)
    assert post.main(CONTEXT) == 0
    write(project, {"data.json": "{"})
    assert post.main(CONTEXT) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("Error: data.json does not parse: ")


@pytest.mark.parametrize("name", ["pre_gen_project", "post_gen_project"])
def test_the_raw_hook_has_one_tag_and_it_stands_under_main(name):
    text = (ROOT / f"hooks/{name}.py").read_text(encoding="utf-8")
    compile(text, name, "exec")
    settings = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))["_jinja2_env_vars"]
    for start in (settings["block_start_string"], settings["comment_start_string"]):
        assert start not in text
    assert text.count(OPEN) == 1
    assert text.index('if __name__ == "__main__":') < text.index(OPEN)
