"""A generated project on servers of its own, with an app in it whose work can be counted and measured."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from processes import Process
from projects import PRODUCTION, Project, environment, make
from shop import edit
from story import story
from targets import PostgreSQL, RabbitMQ, SQLite, Valkey, running_broker, running_database

MEASURED = Path(__file__).parent / "measured"
FAST = ("noop", "once", "noop_durable", "quick", "ending")
TASKS = {**dict.fromkeys(FAST, "fast"), "long": "slow", "burn": "report"}
ROUTES = "\nROUTES = {\n" + "".join(f'    "measured.tasks.{task}": "{queue}",\n' for task, queue in TASKS.items())


@dataclass
class Ground:
    """One project, its servers and its processes."""

    project: Project
    broker: Valkey | RabbitMQ
    database: PostgreSQL | SQLite
    variables: dict[str, str]
    folder: Path
    processes: list[Process] = field(default_factory=list)

    def start(self, *words: str, name: str, ready: str = "", **variables: str) -> Process:
        """Start `python WORDS` in the project, and wait for a line of its log that says that it is ready."""
        log = self.folder / f"{name}.log"
        env = environment() | self.variables | variables
        process = Process([self.project.python, *words], self.project.path, env, log)
        self.processes.append(process)
        if ready:
            process.wait_for(ready, seconds=90)
        return process

    def worker(self, workload: str, *words: str) -> Process:
        return self.start("manage.py", "worker", workload, *words, name=f"worker-{workload}", ready=r" ready\.")

    def beat(self, name: str = "beat") -> Process:
        return self.start("-m", "celery", "-A", "shop", "beat", "-l", "INFO", name=name, ready="beat: Starting")

    def ask(self, command: str, *words: str, timeout: float = 900, **variables: str) -> Any:
        """Run a command of the app `measured`, and return what it printed as JSON in its last line."""
        printed = self.project.run("manage.py", command, *words, timeout=timeout, **(self.variables | variables))
        return json.loads(printed.strip().rpartition("\n")[2])

    def number(self, query: str) -> int:
        return int(self.database.rows(query)[0][0] or 0)

    def unfinished(self) -> int:
        """Jobs that were asked for. At 02:10 beat adds one of its own, for a class that has no worker here."""
        return self.number(
            "SELECT count(*) FROM djcelery_jobs_job WHERE state IN ('delayed', 'waiting') AND dispatched_by <> 'beat'"
        )

    def story(self) -> str:
        """What a test can say of jobs that are not done in time."""
        return story(self.database, self.folder.glob("*.log"))


@contextmanager
def ground(broker: str, database: str, *flags: str, **variables: str) -> Iterator[Ground]:
    """Nothing of it is left when the block ends. variables: environment of all of its processes."""
    with (
        running_broker(broker) as queue,
        running_database(database) as store,
        tempfile.TemporaryDirectory(prefix="djcelery-measured-") as folder,
    ):
        given = {
            **PRODUCTION,
            "DJANGO_SETTINGS_MODULE": "shop.settings.production",
            "DJANGO_ALLOWED_HOSTS": "127.0.0.1",
            "DJANGO_SECURE_SSL_REDIRECT": "false",
            "EMAIL_URL": "dummymail://",
            "DATABASE_URL": store.url,
            **queue.variables,
            **variables,
        }
        project = _project(Path(folder), broker, flags)
        made = Ground(project, queue, store, given, Path(folder))
        project.manage("migrate", "--run-syncdb", "-v", "0", **given)
        try:
            yield made
        finally:
            for process in made.processes:
                process.end()


def _project(folder: Path, broker: str, flags: tuple[str, ...]) -> Project:
    project = make(folder, "shop", ["--broker", broker, *flags], Path(sys.executable))
    shutil.copytree(MEASURED, project.path / "measured", ignore=shutil.ignore_patterns("__pycache__"))
    edit(project.path / "shop/settings/base.py", '    "orders",\n', '    "orders",\n    "measured",\n')
    edit(project.path / "shop/settings/jobs.py", "\nROUTES = {\n", ROUTES)
    return project
