"""Test `djcelery add` and `djcelery remove`, on small projects written in several styles."""

from __future__ import annotations

import ast
import json
import random
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from djcelery import main
from djcelery.adding.schedules import FIELDS, Timing, _shortest_pause, parse_timing
from djcelery.errors import UsageError
from djcelery.journal import Journal
from tests.unit.test_journal import run_killed

OURS = {
    "manage.py": "",
    "pyproject.toml": (
        '[tool.pytest.ini_options]\n[tool.ruff]\nline-length = 120\n\n[tool.coverage.run]\nsource = ["orders"]\n'
        '[tool.ruff.lint.isort]\nknown-first-party = ["djcelery_jobs"]\n'
    ),
    "Procfile": "web: gunicorn\nworker-fast: python manage.py worker fast\nbeat: celery beat\n",
    "compose.yaml": (
        "x-job: &job\n  restart: always\n\nservices:\n  web:\n    image: x\n\n  worker-fast:\n    <<: *job\n"
        '    command: ["python", "manage.py", "worker", "fast"] # fast\n\n  beat:\n    <<: *job\n\nvolumes:\n  x:\n'
    ),
    "shop/settings/jobs.py": (
        "from celery.schedules import crontab\n\nfrom djcelery_jobs import Workload, routes\n\n"
        'WORKLOADS = {\n    "fast": Workload(concurrency=4, prefetch=4, soft_limit=10, hard_limit=20),\n}\n'
        'ROUTES = {\n    "orders.tasks.ship": "fast",\n    # more\n}\nCELERY_TASK_ROUTES = routes(ROUTES)\n'
        "CELERY_BEAT_SCHEDULE = {\n"
        '    "ship": {"task": "orders.tasks.ship", "schedule": crontab(minute="1"), "options": {"expires": 60}},\n}\n'
    ),
    "shop/settings/base.py": 'INSTALLED_APPS = [\n    "django.contrib.auth",\n    "orders",\n    "djcelery_jobs",\n]\n',
    "orders/__init__.py": "",
    "orders/tasks.py": (
        '"""Tasks."""\n\nimport logging\n\nfrom celery import shared_task\n\nlogger = logging.getLogger()\n\n\n'
        "@shared_task\ndef ship(pk, bill=True):\n    pass\n"
    ),
    "tests/__init__.py": "",
    "tests/conftest.py": "def broker():\n    pass\n",
    "deploy/kubernetes/base/workers.yaml": "kind: Deployment\nmetadata:\n  name: worker-fast\n",
    "deploy/kubernetes/base/disruption.yaml": "# Budgets\nkind: PodDisruptionBudget\nmetadata:\n  name: worker-fast\n",
    "deploy/kubernetes/scaling/redis.yaml": (
        "kind: ScaledObject\nmetadata:\n  name: worker-fast\nspec:\n  triggers:\n    - metadata:\n"
        '        listName: "shop:fast"\n'
    ),
}  # fmt: skip
KILLS = 40
# As a team's own project may look after `init --jobs`: single quotes, tabs, one settings module, no pytest.
THEIRS = {
    "src/manage.py": "",
    "manage.py": "",
    "src/config/settings.py": (
        "import os\nfrom djcelery_jobs import Workload\n\n"
        "INSTALLED_APPS = (\n\t'django.contrib.auth',\n\t'billing.apps.BillingConfig',\n\t'djcelery_jobs'\n)\n"
        "WORKLOADS = {'default': Workload(concurrency=1, prefetch=1, soft_limit=1, hard_limit=2)}\n"
        "CELERY_TASK_ROUTES = {\n\t'billing.tasks.*': {'queue': 'default'}\n}\n"
        "CELERY_BEAT_SCHEDULE = {\n\t'a': {'task': 'x', 'schedule': 5.0}  # five\n}\n"
    ),
    "src/billing/apps.py": "",
    "src/billing/__init__.py": "",
    "src/billing/tasks.py": "from celery import shared_task\n\n@shared_task\ndef pay():\n\tpass",
    "Procfile": "worker: celery -A config worker",
}
# As `init --jobs` leaves the settings of a project that had Celery before.
INITIALISED = THEIRS | {
    "src/config/settings.py": (
        "INSTALLED_APPS = ['billing', 'djcelery_jobs']\n"
        "CELERY_TASK_ROUTES = {'billing.tasks.pay': {'queue': 'default'}}\n"
        "CELERY_BEAT_SCHEDULE = {'a': {'task': 'x', 'schedule': 5.0}}\n"
        "\n# -- Background jobs\nfrom djcelery_jobs import Workload, routes\n\n"
        'WORKLOADS = {\n    "default": Workload(concurrency=1, prefetch=1, soft_limit=1, hard_limit=2),\n}\n'
        'ROUTES = {\n    "djcelery_jobs.tasks.prune": "default",\n}\n'
        "CELERY_TASK_ROUTES = {**routes(ROUTES), **CELERY_TASK_ROUTES}\n"
        'CELERY_BEAT_SCHEDULE = {\n    **CELERY_BEAT_SCHEDULE,\n    "prune-jobs": {"task": "x", "schedule": 3600},\n}\n'
    ),
}
# As cookiecutter-django has it.
JOINED = OURS | {
    "shop/settings/base.py": (
        'DJANGO_APPS = ["django.contrib.auth"]\nLOCAL_APPS = [\n    "orders",\n    # Your apps go here\n]\n'
        'INSTALLED_APPS = DJANGO_APPS + LOCAL_APPS + ["djcelery_jobs"]\n'
    ),
    "shop/settings/local.py": "from .base import *\nINSTALLED_APPS = ['whitenoise', *INSTALLED_APPS]\n",
}
STYLES = {
    "ours": OURS,
    "CRLF": {name: text.replace("\n", "\r\n") for name, text in OURS.items()},
    "no line end at the end": {name: text.rstrip("\n") for name, text in OURS.items()},
    "joined lists": JOINED,
    "theirs": THEIRS,
    "initialised": INITIALISED,
}
EXISTING = ("theirs", "initialised")
COMMANDS = {
    "task": ["task", "APP.send_invoice", "--queue", "QUEUE"],
    "plain task": ["task", "APP.send_invoice", "--queue", "QUEUE", "--plain"],
    "scheduled task": ["task", "APP.send_invoice", "--queue", "QUEUE", "--cron", "10 2 * * *"],
    "queue": ["queue", "webhooks", "--concurrency", "3", "--soft", "60"],
    "schedule": ["schedule", "often", "--task", "TASK", "--every", "10m"],
    "app": ["app", "reports"],
}


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text.encode())
    return root


def tree(root: Path) -> dict[str, bytes]:
    """Return the bytes of all files, and the folders, without the journal."""
    paths = [path for path in root.rglob("*") if path.relative_to(root).parts[0] not in {".djcelery", ".git"}]
    return {path.relative_to(root).as_posix(): path.read_bytes() if path.is_file() else b"/" for path in paths}


@pytest.fixture
def project(tmp_path, cli, monkeypatch):
    """Return a function that writes a project in a style and goes there."""

    def make(style: str = "ours") -> Path:
        root = write(tmp_path / "project", STYLES[style])
        monkeypatch.chdir(root)
        return root

    return make


def words(name: str, style: str) -> list[str]:
    values = {"APP": "billing", "QUEUE": "default", "TASK": "billing.pay"}
    if style not in EXISTING:
        values = {"APP": "orders", "QUEUE": "fast", "TASK": "orders.tasks.ship"}
    result = []
    for word in COMMANDS[name]:
        for key, value in values.items():
            word = word.replace(key, value)
        result.append(word)
    return result


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", COMMANDS)
def test_remove_is_the_exact_inverse_of_add(cli, project, style, name):
    root = project(style)
    before = tree(root)
    line = words(name, style)
    if name == "schedule" and style not in EXISTING:
        source = (root / "orders/tasks.py").read_bytes().replace(b"pk, bill", b"bill")
        (root / "orders/tasks.py").write_bytes(source)
        before = tree(root)
    said = cli("add", *line, "--yes")
    assert said.code in (0, 3), said
    assert (said.code == 3) is (style in EXISTING and name == "queue")
    added = tree(root)
    assert added != before
    assert cli("add", *line, "--yes") == (0, "Nothing to do.\n", "")
    assert tree(root) == added
    said = cli("remove", *line[:2], "--yes")
    assert said.code == 0, said
    assert tree(root) == before
    assert cli("remove", *line[:2], "--yes").out == "Nothing to do.\n"
    assert cli("remove", "--undo", "--yes").code == 0
    assert tree(root) == added


@pytest.mark.parametrize("style", ["ours", "CRLF", "no line end at the end"])
def test_the_order_of_additions_does_not_matter_to_removals(cli, project, style):
    root = project(style)
    before = tree(root)
    lines = [words(name, style) for name in ("task", "queue", "app")]
    lines += [["task", "orders.remind", "--queue", "webhooks", "--every", "1h"]]
    for line in lines:
        assert cli("add", *line, "--yes").code == 0
    for index in (0, 3, 1, 2):
        assert cli("remove", *lines[index][:2], "--yes").code == 0
    assert tree(root) == before


def test_a_command_that_is_killed_leaves_all_or_nothing(project):
    root = project()
    words = ["add", "queue", "webhooks", "--project", str(root), "--yes"]
    before = tree(root)
    points = run_killed(lambda: main.main(words), None)
    after = tree(root)
    assert after != before
    outcomes = set()
    for at in random.Random(9).sample(range(1, points), KILLS):  # noqa: S311 not for secrets
        run_killed(lambda: main.main(["remove", "--undo", "--project", str(root), "--yes"]), None)
        assert tree(root) == before
        run_killed(lambda: main.main(words), at)
        Journal(root).recover()
        outcomes.add("all" if tree(root) == after else "nothing" if tree(root) == before else f"half at {at}")
        run_killed(lambda: main.main(words), None)
        assert tree(root) == after
    assert outcomes == {"all", "nothing"}


def test_what_add_task_writes(cli, project):
    root = project()
    cli("add", "task", "orders.send_invoice", "--queue", "fast", "--cron", "*/5 8-18 * * mon-fri", "--yes")
    jobs = (root / "shop/settings/jobs.py").read_text()
    assert '    "orders.tasks.ship": "fast",\n    "orders.tasks.send_invoice": "fast",\n    # more\n' in jobs
    assert '"schedule": crontab(hour="8-18", minute="*/5", day_of_week="mon-fri"),' in jobs
    assert '"options": {"expires": 5 * 60},' in jobs
    tasks = (root / "orders/tasks.py").read_text()
    assert "from celery import shared_task\n\nfrom djcelery_jobs import DurableTask\n\nlogger" in tasks
    assert "\n\n\n@shared_task(base=DurableTask)\ndef send_invoice() -> None:\n" in tasks
    assert (root / "tests/orders/__init__.py").read_bytes() == b""


@pytest.mark.parametrize(("style", "end"), [("ours", b"\n"), ("CRLF", b"\r\n")])
def test_new_files_have_the_line_ends_of_the_project(cli, project, style, end):
    root = project(style)
    before = tree(root)
    for name in ("task", "app"):
        assert cli("add", *words(name, style), "--yes").code == 0
    new = [data for path, data in tree(root).items() if path not in before and data not in (b"", b"/")]
    assert len(new) > 4
    assert [data for data in new if data.count(b"\n") != data.count(end)] == []
    assert [data for data in new if end == b"\n" and b"\r" in data] == []


def test_the_files_stay_clean(cli, project):
    root = project()
    for name in ("task", "queue", "app"):
        cli("add", *words(name, "ours"), "--yes")
    cli("add", "task", f"reports.{'long_name_' * 5}"[:58], "--queue", "webhooks", "--plain", "--yes")
    paths = [path for path in tree(root) if path.endswith(".py")]
    for command in (["check", "--select", "E,F,I,W,PT,UP,RUF,B,SIM,PIE"], ["format", "--check"]):
        done = subprocess.run(
            [Path(sys.executable).with_name("ruff"), *command, "--no-cache", *paths],
            cwd=root, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
    for path in paths:
        ast.parse((root / path).read_text())


HEADS = {
    "nothing": "",
    "a docstring": '"""Tasks with shared_task and DurableTask."""\n',
    "only the library": "import os\n\nfrom djcelery_jobs import TRANSIENT_ERRORS\n",
    "more of both": "from celery import chain\n\nfrom djcelery_jobs import TRANSIENT_ERRORS, Zebra, effect_once\n",
    "brackets": "from celery import (\n    chain,\n)\n\nfrom djcelery_jobs import (\n    Workload,\n)\n",
    "brackets without the last comma": "from djcelery_jobs import (\n    AAA,\n    BBB\n)\n",
    "relative": "import logging\n\nfrom .models import Order\n",
    "first party": "from djcelery_jobs.testing import memory_broker\n\nfrom .models import Order\n",
    "others around": "import amqp\nimport celery\nimport zoo\nfrom django.db import models\n",
    "used elsewhere": "from celery import shared_task\n\n\n@shared_task\ndef other():\n    pass\n",
    "in a block": "import os\n\nif os.name:\n    from celery import shared_task\n",
    "both": "from celery import shared_task\n\nfrom djcelery_jobs import DurableTask\n\nx = DurableTask, shared_task\n",
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_imports_are_sorted_in_and_leave_no_trace(cli, project, head, newline):
    root = project()
    file = root / "orders/tasks.py"
    (root / "shop/settings/jobs.py").write_text(
        (root / "shop/settings/jobs.py").read_text().replace('    "orders.tasks.ship": "fast",\n', "")
    )
    file.write_bytes(head.replace("\n", newline).encode())
    before = tree(root)
    assert cli("add", "task", "orders.send_invoice", "--queue", "fast", "--yes").code == 0
    if "AAA" not in head:  # the formatter would add its comma
        ruff = Path(sys.executable).with_name("ruff")
        command = [ruff, "check", "--no-cache", "--select", "I,F811", str(file)]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
    assert cli("remove", "task", "orders.send_invoice", "--yes").code == 0
    assert tree(root) == before


def test_a_queue_is_added_to_every_file_that_names_the_queues(cli, project):
    root = project()
    assert cli("add", "queue", "web-hooks", "--concurrency", "4", "--hard", "50", "--yes").code == 0
    settings = (root / "shop/settings/jobs.py").read_text()
    assert '    "web-hooks": Workload(concurrency=4, prefetch=1, soft_limit=40, hard_limit=50),\n' in settings
    assert "worker-web-hooks: python manage.py worker web-hooks\nbeat" in (root / "Procfile").read_text()
    compose = yaml.safe_load((root / "compose.yaml").read_text())["services"]
    command = ["python", "manage.py", "worker", "web-hooks"]
    assert compose["worker-web-hooks"] == {"restart": "always", "command": command}
    for name in ("base/workers", "base/disruption", "scaling/redis"):
        documents = list(yaml.safe_load_all((root / f"deploy/kubernetes/{name}.yaml").read_text()))
        assert [document["metadata"]["name"] for document in documents] == ["worker-fast", "worker-web-hooks"]
        if name == "base/workers":
            assert documents[1]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 110
        if name == "scaling/redis":
            assert documents[1]["spec"]["triggers"][0]["metadata"]["listName"] == "shop:web-hooks"


def test_an_app_is_counted_and_installed(cli, project):
    root = project()
    assert cli("add", "app", "reports", "--yes").code == 0
    assert tomllib.loads((root / "pyproject.toml").read_text())["tool"]["coverage"]["run"]["source"] == [
        "orders",
        "reports",
    ]
    assert '    "djcelery_jobs",\n    "reports",\n]' in (root / "shop/settings/base.py").read_text()
    assert {"reports/tasks.py", "reports/services.py", "tests/reports/test_app.py"} <= set(tree(root))


@pytest.mark.parametrize(("added", "path", "change"), [
    ("task", "orders/tasks.py", ('Read the row with filter(pk=pk).first().', "x")),
    ("task", "tests/orders/test_send_invoice.py", ("!=", "==")),
    ("scheduled task", "shop/settings/jobs.py", ("6 * 3600", "3600")),
    ("queue", "Procfile", ("worker webhooks", "worker webhooks --once")),
    ("queue", "compose.yaml", ('"webhooks"]', '"webhooks", "x"]')),
    ("queue", "deploy/kubernetes/base/workers.yaml", ("375m", "1")),
    ("queue", "shop/settings/jobs.py", ("hard_limit=70)", "hard_limit=70, kind='priority')")),
    ("app", "reports/services.py", ('"""\n', '"""\nx = 1\n')),
    ("app", "shop/settings/base.py", ('"reports",', '"reports",  # ours')),
], ids=str)  # fmt: skip
def test_what_was_edited_is_shown_and_stays(cli, project, added, path, change):
    root = project()
    line = words(added, "ours")
    cli("add", *line, "--yes")
    text = (root / path).read_text()
    assert change[0] in text
    (root / path).write_text(text.replace(*change))
    before = tree(root)
    said = cli("remove", *line[:2], "--yes")
    assert (said.code, tree(root)) == (1, before)
    assert "was edited after it was added, so it is not removed:\n" in said.err
    assert f"--- {path} as added\n+++ {path}\n" in said.err
    assert [line for line in said.err.splitlines() if line.startswith("+") and change[1].split()[-1] in line]


def test_what_is_in_use_stays(cli, project):
    root = project()
    cli("add", *words("app", "ours"), "--yes")
    cli("add", *words("queue", "ours"), "--yes")
    cli("add", "task", "reports.sum_up", "--queue", "webhooks", "--yes")
    cli("add", "schedule", "nightly", "--task", "reports.sum_up", "--every", "1d", "--yes")
    before = tree(root)
    errors = {
        ("queue", "webhooks"): "These tasks use the queue webhooks: reports.tasks.sum_up",
        ("queue", "fast"): "These tasks use the queue fast: orders.tasks.ship",
        ("app", "reports"): "The app reports still has the task reports.tasks.sum_up.",
    }
    for line, message in errors.items():
        said = cli("remove", *line, "--yes")
        assert (said.code, said.err.splitlines()[0]) == (1, f"Error: {message}")
    (root / "reports/models.py").write_text("")
    assert tree(root).keys() - before.keys() == {"reports/models.py"}


def test_the_default_queue_stays(cli, project):
    root = project()
    cli("add", "queue", "webhooks", "--yes")
    with (root / "shop/settings/jobs.py").open("a") as file:
        file.write('CELERY_TASK_DEFAULT_QUEUE = "webhooks"\n')
    said = cli("remove", "queue", "webhooks", "--yes")
    assert (said.code, said.err.splitlines()[0]) == (1, "Error: webhooks is the queue of tasks without a route.")


def test_a_package_may_have_any_name(cli, tmp_path, monkeypatch):
    files = {name.replace("shop", "contest"): text for name, text in OURS.items()}
    files["contest/settings/test.py"] = files["contest/settings/jobs.py"]
    root = write(tmp_path, files)
    monkeypatch.chdir(root)
    assert cli("add", "queue", "webhooks", "--yes").code == 0
    assert "webhooks" in (root / "contest/settings/jobs.py").read_text()


def test_a_package_of_tasks_gets_the_task_in_its_init(cli, project):
    root = project()
    (root / "orders/tasks").mkdir()
    (root / "orders/tasks.py").rename(root / "orders/tasks/__init__.py")
    before = tree(root)
    assert cli("add", "task", "orders.send_invoice", "--queue", "fast", "--yes").code == 0
    assert "def send_invoice(" in (root / "orders/tasks/__init__.py").read_text()
    assert cli("remove", "task", "orders.send_invoice", "--yes").code == 0
    assert tree(root) == before


def test_an_app_with_files_of_the_team_stays(cli, project):
    root = project()
    cli("add", *words("app", "ours"), "--yes")
    (root / "reports/models.py").write_text("")
    said = cli("remove", "app", "reports", "--yes")
    assert (said.code, (root / "reports/tasks.py").exists()) == (1, True)
    assert "holds files that `add app` did not write, such as reports/models.py" in said.err


WRONG = {
    "task order.x --queue fast": (
        "There is no app order in this project.", "Did you mean orders? To create it: djcelery add app order",
    ),
    "task orders.x --queue fats": (
        "There is no queue fats.", "Did you mean fast? To create it: djcelery add queue fats",
    ),
    "task orders.x": ("Missing option --queue.", "Choose fast."),
    "task x --queue fast": ('A task needs an app and a name: "x".', "For example: orders.x"),
    "task orders.class --queue fast": (
        '"class" is not a name for a function.', "Use lower-case letters, digits and _.",
    ),
    "task orders.x --queue fast --every 1w": (
        'Invalid value for --every: "1w".', "Use a number with a unit: 30s, 10m, 6h or 1d.",
    ),
    "task orders.x --queue fast --every 1h --cron *": (
        "--every and --cron cannot be combined.", "Pass only one of them.",
    ),
    "schedule x --task orders.shop --every 5m": ("There is no task orders.shop.", "Did you mean orders.ship?"),
    "schedule x --task orders.ship": (
        "Missing option --every or --cron.",
        'For example: djcelery add schedule x --task orders.ship --cron "10 2 * * *"',
    ),
    "queue Web": (
        '"Web" is not a name for a queue.',
        "Use up to 40 lower-case letters, digits and hyphens, with a letter first.",
    ),
    "queue web --soft 20 --hard 10": ("--soft 20 must be positive and below --hard 10.", "Both are seconds."),
    "app json": ('"json" would hide a module of the same name.', "Choose another name."),
    "app a.b": ("There is no package a for the app b.", "Create it first, or name another one."),
    "taks x": ("No such command: add taks.", "Did you mean task?"),
}  # fmt: skip


@pytest.mark.parametrize("line", WRONG)
def test_wrong_words_are_refused_with_what_was_meant(cli, project, line):
    message, hint = WRONG[line]
    root = project()
    before = tree(root)
    said = cli("add", *line.split(), "--yes")
    assert said.err == f"Error: {message}\nHint: {hint}\n"
    assert (said.code, tree(root)) == (2, before)


@pytest.mark.parametrize(("line", "message"), [
    ("task orders.ship --queue slow", "orders.tasks.ship is routed to fast already."),
    ("schedule hourly --task orders.ship --every 1h", "orders.tasks.ship has parameters, and beat would pass none."),
    ("schedule ship --task orders.ship --every 1h", "The schedule has another entry ship already."),
    ("queue fast", "The queue fast exists already in the settings, with concurrency=4, prefetch=4, soft_limit=10"),
    ("app tools", "tools exists already in"),
])  # fmt: skip
def test_what_is_there_already_is_refused(cli, project, line, message):
    root = project()
    write(root, {"tools/x.txt": ""})
    cli("add", "queue", "slow", "--yes")
    before = tree(root)
    said = cli("add", *line.split(), "--yes")
    assert said.err.startswith(f"Error: {message}")
    assert (said.code, tree(root)) == (1, before)


def test_a_task_of_this_name_that_is_something_else_is_refused(cli, project):
    root = project()
    with (root / "orders/tasks.py").open("a") as file:
        file.write("\n\ndef helper():\n    pass\n")
    said = cli("add", "task", "orders.helper", "--queue", "fast", "--yes")
    assert (said.code, said.err.splitlines()[0]) == (1, "Error: orders/tasks.py has another helper already.")


def test_what_is_not_recognised_is_a_snippet_and_the_rest_is_written_if_it_is_whole(cli, project):
    root = project("theirs")
    said = cli("add", "queue", "webhooks", "--yes")
    assert said.code == 3
    assert "By hand, in Procfile: no line starts a worker with manage.py worker NAME\n" in said.out
    assert "    worker-webhooks: python manage.py worker webhooks\n" in said.out
    assert "'webhooks': Workload(" in (root / "src/config/settings.py").read_text()


def test_an_app_joins_the_project_s_own(cli, project):
    root = project("joined lists")
    assert cli("add", "app", "reports", "--yes").code == 0
    settings = (root / "shop/settings/base.py").read_text()
    assert 'LOCAL_APPS = [\n    "orders",\n    "reports",\n    # Your apps go here\n]\n' in settings


def test_a_task_joins_what_init_wrote(cli, project):
    root = project("initialised")
    assert cli("add", "task", "billing.remind", "--queue", "default", "--every", "1h", "--yes").code == 0
    settings = (root / "src/config/settings.py").read_text()
    assert '"djcelery_jobs.tasks.prune": "default",\n    "billing.tasks.remind": "default",\n}' in settings
    assert '"schedule": 3600},\n    "remind": {\n        "task": "billing.tasks.remind",' in settings
    test = (root / "src/billing/tests/test_remind.py").read_text()
    assert "class RemindTests(TestCase):" in test  # nothing in this project uses pytest


def test_a_task_without_a_place_for_its_route_is_not_written(cli, project):
    root = project()
    file = root / "shop/settings/jobs.py"
    file.write_text(file.read_text().replace("routes(ROUTES)", "make_routes()"))
    before = tree(root)
    said = cli("add", "task", "orders.send_invoice", "--queue", "fast", "--yes", "--json")
    result = json.loads(said.out)
    assert (said.code, result["applied"], tree(root)) == (3, False, before)
    assert [(hand["text"], hand["required"]) for hand in result["by_hand"]] == [
        ('"orders.tasks.send_invoice": "fast",\n', True)
    ]


def test_a_list_on_one_line_comes_back_on_one_line(cli, project):
    root = project()
    apps = ", ".join(f'"django.contrib.app{number}"' for number in range(4))
    (root / "shop/settings/base.py").write_text(f'INSTALLED_APPS = [{apps}, "djcelery_jobs"]\n')
    before = tree(root)
    assert cli("add", "app", "reports", "--yes").code == 0
    assert '\n    "reports",\n]\n' in (root / "shop/settings/base.py").read_text()
    assert cli("remove", "app", "reports", "--yes").code == 0
    assert tree(root) == before


def test_outside_of_a_project_nothing_is_done(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "There is no Django project in" in cli("add", "app", "x", "--yes").err
    (tmp_path / "manage.py").touch()
    assert "No settings in" in cli("add", "queue", "x", "--yes").err


def test_a_project_with_a_record_begins_there(cli, project, monkeypatch):
    root = project("theirs")
    (root / "manage.py").unlink()
    (root / ".djcelery.toml").touch()
    monkeypatch.chdir(root / "src/billing")
    assert cli("add", "app", "reports", "--yes").code == 0
    assert (root / "src/reports/tests/test_app.py").exists()


def test_another_folder_can_be_named(cli, project, monkeypatch, tmp_path):
    root = project()
    monkeypatch.chdir(tmp_path)
    said = cli("add", "app", "reports", "--project", "project/orders", "--yes")
    assert (said.code, (root / "reports").is_dir()) == (0, True)
    assert said.out.endswith("To undo: djcelery add --undo --project project/orders\n")
    assert cli("add", "--undo", "--project", "project/orders", "--yes").code == 0
    assert not (root / "reports").exists()


PAUSES = {
    "* * * * *": 1, "*/10 * * * *": 10, "5,20 * * * *": 15, "10 2 * * *": 1440, "0 8,20 * * *": 720, "0 22-2 * * *": 60,
}  # fmt: skip


@pytest.mark.parametrize(("cron", "pause"), PAUSES.items())
def test_the_shortest_pause_between_two_runs(cron, pause):
    assert _shortest_pause(tuple(cron.split())) == pause


@pytest.mark.parametrize(("every", "seconds", "expires"), [("45s", 45, 45), ("10m", 600, 600), ("1d", 86400, 21600)])
def test_an_interval(every, seconds, expires):
    timing = parse_timing(every, None)
    assert (timing, timing.expires) == (Timing(seconds=seconds), expires)


@pytest.mark.parametrize("cron", ["60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 7", "* * * * x",
                                  "*/0 * * * *", "5/10 * * * *", "1-2-3 * * * *", "* * *", "a b c d e"])  # fmt: skip
def test_a_wrong_cron_line_is_refused(cron):
    with pytest.raises(UsageError, match="--cron"):
        parse_timing(None, cron)


def test_what_is_accepted_is_what_celery_accepts():
    from celery.schedules import crontab

    for cron in ("* * * * *", "*/5 8-18 1,15 jan-mar mon-fri", "0 0 31 12 0", "5-59/10 * * * sun"):
        fields = parse_timing(None, cron).cron
        crontab(**dict(zip((field.name for field in FIELDS), fields, strict=True)))
