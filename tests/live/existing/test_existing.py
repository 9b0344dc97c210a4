"""Test a project that `djcelery init` changed, on real servers: what became durable survives a killed worker.

The project keeps its own command lines, its queue and its schedule in django-celery-beat.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.init.layouts import LAYOUTS, TASKS
from tests.init.projects import ExistingProject
from tests.live.harness.processes import Process, eventually
from tests.live.harness.project import SHORT
from tests.live.harness.servers import PostgreSQL, running_broker, running_database
from tests.projects import environment

# The run waits in the middle for as long as a file is there, and says that it has begun.
SLOW = """
    import pathlib
    import time

    folder = pathlib.Path(__file__).parent
    with open(folder / "begun", "a") as file:
        file.write(f"{order_id}\\n")
    while (folder / "hold").exists():
        time.sleep(0.1)
"""
PLAIN = '''

@shared_task
def plain(path):
    """Do what the task of a project did before."""
    with open(path, "a") as file:
        file.write("ran\\n")
'''
DISPATCH = (
    "from django.db import transaction; from shop.models import Order; from shop.tasks import count_order\n"
    "with transaction.atomic():\n    order = Order.objects.create(); count_order.delay_on_commit(order.pk)\n"
    "print(order.pk)"
)
ROLLED_BACK = (
    "from django.db import transaction; from shop.models import Order; from shop.tasks import count_order\n"
    "try:\n    with transaction.atomic():\n        count_order.delay_on_commit(Order.objects.create().pk); 1 / 0\n"
    "except ZeroDivisionError:\n    pass"
)
WORKER = ("-m", "celery", "-A", "config.celery_app", "worker", "-l", "INFO", "-c", "1")
BEAT = ("-m", "celery", "-A", "config.celery_app", "beat", "-l", "INFO",
        "--scheduler", "djcelery_jobs:LockedDatabaseScheduler")  # fmt: skip


@dataclass
class Site:
    """Hold the project, its servers and its processes."""

    project: ExistingProject
    database: PostgreSQL
    variables: dict[str, str]
    logs: Path
    processes: list[Process] = field(default_factory=list)

    def start(self, name: str, *words: str, ready: str) -> Process:
        process = Process([sys.executable, *words], self.project.root, environment() | self.variables,
                          self.logs / f"{name}-{len(self.processes)}.log")  # fmt: skip
        self.processes.append(process)
        process.wait_for(ready)
        return process

    def shell(self, code: str) -> str:
        done = self.project.manage("shell", "-v0", "-c", code, **self.variables)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture(params=["redis", "rabbitmq"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    project = ExistingProject(LAYOUTS["sums"], tmp_path / "site")
    tasks = TASKS.replace('    """Count an order."""\n', f'    """Count an order."""\n{SLOW}') + PLAIN
    (project.root / "shop/tasks.py").write_text(tasks)
    settings = project.root / "config/settings/base.py"
    text = settings.read_text()
    assert "LIMIT = 5 * 60" in text
    # On Redis, a run whose worker is gone is started again after its hard limit.
    settings.write_text(text.replace("LIMIT = 5 * 60", "LIMIT = 20").replace("LIMIT = 60", "LIMIT = 15"))
    done = project.init("--jobs", "--durable", "count_order", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    constants = "".join(f'    "{name}": {value},\n' for name, value in SHORT.jobs.items())
    with settings.open("a") as file:
        file.write(f"DJCELERY_JOBS = {{\n{constants}}}\n")
    with running_broker(request.param) as broker, running_database("postgres") as database:
        assert isinstance(database, PostgreSQL)
        url = next(iter(broker.variables.values()))
        variables = {"REDIS_URL": url, "DATABASE_URL": database.url}
        site = Site(project, database, variables, tmp_path)
        migrated = project.manage("migrate", **variables)
        assert migrated.returncode == 0, migrated.stderr
        checked = project.manage("check", **variables)
        assert checked.returncode == 0, checked.stderr
        try:
            yield site
        finally:
            for process in reversed(site.processes):
                process.end()


def test_a_durable_task_survives_the_kill_of_its_worker_and_a_plain_one_runs_as_before(site: Site, tmp_path: Path):
    hold, begun = site.project.root / "shop/hold", site.project.root / "shop/begun"
    hold.touch()
    site.start("beat", *BEAT, ready="beat: holds the lock")
    worker = site.start("worker", *WORKER, ready=" ready\\.")

    order = site.shell(DISPATCH)
    site.shell(ROLLED_BACK)
    eventually("the first run begins", begun.exists)
    os.killpg(worker.popen.pid, signal.SIGKILL)
    hold.unlink()
    site.start("worker", *WORKER, ready=" ready\\.")

    def finished() -> bool:
        return site.database.rows("SELECT state FROM djcelery_jobs_job") == [("done",)]

    eventually("the job is done", finished, 120)
    assert site.database.rows("SELECT id, counted FROM shop_order") == [(int(order), True)]
    assert begun.read_text().split() == [order, order]

    plain = tmp_path / "plain"
    site.shell(f"from shop.tasks import plain; plain.delay({str(plain)!r})")
    eventually("the plain task runs", lambda: plain.exists() and plain.read_text() == "ran\n")
    assert len(site.database.rows("SELECT id FROM djcelery_jobs_job")) == 1  # it has no row
