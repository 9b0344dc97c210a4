"""A generated project with the workload in it, its processes, its servers, and what its database says."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from crew import Crew, Member
from processes import Process, eventually
from projects import PRODUCTION, Project, environment, make
from shop import edit
from story import story
from targets import PostgreSQL, SQLite, running_broker, running_database

WORKLOAD = Path(__file__).parent / "workload"
# What a developer would write: an app, a route for each task, a URL.
INSTALLED = '    "orders",\n    "workload",\n'
ROUTES = '\nROUTES = {\n    "workload.tasks.long": "slow",\n    "workload.tasks.errand": "slow",\n' + "".join(
    f'    "workload.tasks.{task}": "fast",\n' for task in ("durable", "stepwise", "plain", "poison", "recorded", "tick")
)
URLS = 'urlpatterns = [\n    path("wish/<int:number>", workload.views.wish),\n'

# Not the job of the shop's own that beat adds at 02:10.
STATES = "SELECT state, count(*) FROM djcelery_jobs_job WHERE task LIKE 'workload.%' GROUP BY state"
CUT_OFF = "SELECT sum(starts - 1) FROM djcelery_jobs_job WHERE task LIKE 'workload.%' AND starts > 1"
LOST = (
    "SELECT count(*) FROM workload_wish w WHERE NOT EXISTS (SELECT 1 FROM workload_effect e WHERE e.number = w.number)"
)
UNCALLED = (
    "SELECT count(*) FROM workload_effect e WHERE NOT EXISTS (SELECT 1 FROM workload_wish w WHERE w.number = e.number)"
)
DOUBLED = "SELECT count(*) - count(DISTINCT number) FROM workload_effect"


@dataclass
class Outcome:
    """What is left when all is over. `lost`, `doubled`, `uncalled`, `torn` and `not_done` are the promise."""

    asked: int  # jobs whose transaction committed
    lost: int  # without an effect
    doubled: int  # effects too many
    uncalled: int  # effects of transactions that rolled back
    torn: int  # first effects without the second, or the other way round
    states: dict[str, int]  # rows of durable jobs
    cut_off: int  # runs that a kill ended
    seconds: float = 0.0  # from the last fault to the last effect
    refused: int = 0  # plain tasks whose caller got an error

    @property
    def kept(self) -> bool:
        return not (self.lost or self.doubled or self.uncalled or self.torn) and set(self.states) == {"done"}


class Broker(Protocol):
    """What a rig knows of its broker, be it one server or many."""

    kind: str  # as `djcelery new --broker` calls it
    variables: dict[str, str]  # what tells the project where it is


@dataclass
class Rig:
    """One project, and all that belongs to it."""

    name: str
    project: Project
    broker: Broker
    database: PostgreSQL | SQLite
    variables: dict[str, str]
    logs: Path
    crew: Crew = field(default_factory=Crew)
    enter: tuple[str, ...] = ()  # the words before a command that run it on the host of the web processes

    # -- processes ---------------------------------------------------------------------------------------------------

    def member(self, name: str, *words: str, ready: str, enter: tuple[str, ...] = ()) -> Member:
        def start(log: Path) -> Process:
            return Process([*enter, self.project.python, *words], self.project.path, self.environment, log)

        return Member(name, start, self.logs, ready)

    @property
    def environment(self) -> dict[str, str]:
        return environment() | self.variables

    def run_workers(self, count: int = 2, workload: str = "fast") -> None:
        names = [f"worker-{workload}-{number}" for number in range(count)]
        self.crew.hire([self.member(name, "manage.py", "worker", workload, ready=" ready.") for name in names])

    def run_beat(self) -> None:
        self.crew.hire([self.member("beat", "-m", "celery", "-A", "shop", "beat", "-l", "INFO", ready="beat: ")])

    def publish(self, first: int, end: int, **options: object) -> Process:
        """Start the process that dispatches these jobs."""
        words = [f"--{name}" if value is True else f"--{name}={value}" for name, value in options.items() if value]
        command = [*self.enter, self.project.python, "manage.py", "publish", f"--first={first}", f"--end={end}", *words]
        return Process(command, self.project.path, self.environment, self.logs / f"publish-{first}.log")

    def shell(self, code: str) -> None:
        """Run code as a process of the project that publishes."""
        self.project.run("manage.py", "shell", "-c", f"from workload.tasks import *\n{code}", **self.variables)

    # -- what the database says --------------------------------------------------------------------------------------

    def number(self, query: str) -> int:
        return int(self.database.rows(query)[0][0] or 0)

    def starts(self, number: int) -> int:
        """How often a job with a recorded start has begun."""
        return sum(started == number for started, _ in self._starts())

    def start_times(self) -> list[float]:
        return [at for _, at in self._starts()]

    def _starts(self) -> list[tuple[int, float]]:
        log = self.project.path / "starts.log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [(int(number), float(at)) for number, at in (line.split() for line in lines)]

    def worker_lines(self, words: str) -> int:
        """How many lines with these words the workers have logged so far."""
        return sum(log.read_text(errors="replace").count(words) for log in self.logs.glob("worker-*.log"))

    def wait_for_starts(self, count: int) -> None:
        eventually(f"{count} starts", lambda: len(self._starts()) >= count)

    def wait_for_effects(self, count: int) -> None:
        eventually(f"{count} effects", lambda: self.number("SELECT count(*) FROM workload_effect") >= count)

    def clear(self) -> None:
        """Forget what was asked and done, for the next scenario. Old messages find no row and end quietly."""
        for table in ("workload_wish", "workload_effect", "djcelery_jobs_job", "djcelery_jobs_claim", "djcelery_jobs_redelivery"):
            self.database.run(f"DELETE FROM {table}")  # noqa: S608  our own names
        self.database.run("UPDATE workload_counter SET value = 0")
        (self.project.path / "starts.log").unlink(missing_ok=True)

    def states(self) -> dict[str, int]:
        return {state: int(count) for state, count in self.database.rows(STATES)}

    def settle(self, seconds: float, *, patience: float | None = None) -> float:
        """Wait until no job is unfinished, or as many effects are there as asked for if there are no rows.

        patience: give up when nothing has happened for so long; for tasks that may be lost. Returns the time at which
        the last effect was seen to be there.
        """
        deadline, seen, at = time.monotonic() + seconds, -1, time.time()
        while True:
            states = self.states()
            unfinished = states.get("delayed", 0) + states.get("waiting", 0)
            effects, lost = self.number("SELECT count(*) FROM workload_effect"), self.number(LOST)
            if effects != seen:
                seen, at = effects, time.time()
            if not unfinished and not lost:
                return at
            if patience is not None and time.time() - at > patience:
                return at
            said = f"{unfinished} unfinished, {lost} lost after {seconds} s"
            assert time.monotonic() < deadline, f"{said}\n{self.story()}"
            time.sleep(0.3)

    def story(self) -> str:
        """What a test can say of jobs that are lost."""
        return story(self.database, self.logs.glob("*.log"))

    def outcome(self) -> Outcome:
        effects = self.number("SELECT count(*) FROM workload_effect")
        return Outcome(
            asked=self.number("SELECT count(*) FROM workload_wish"),
            lost=self.number(LOST),
            doubled=self.number(DOUBLED),
            uncalled=self.number(UNCALLED),
            torn=abs(effects - self.number("SELECT sum(value) FROM workload_counter")),
            states=self.states(),
            cut_off=self.number(CUT_OFF),
        )


@contextmanager
def rig(broker: str, database: str) -> Iterator[Rig]:
    """Servers of our own, and a fresh project on them whose tables are made. Nothing is left at the end."""
    with (
        running_broker(broker) as queue,
        running_database(database) as store,
        rig_on(queue, store, f"{broker} and {database}") as made,
    ):
        yield made


@contextmanager
def rig_on(broker: Broker, database: PostgreSQL | SQLite, name: str) -> Iterator[Rig]:
    """A fresh project on servers that run already."""
    with tempfile.TemporaryDirectory(prefix="djcelery-faults-") as folder:
        variables = {
            **PRODUCTION,
            "DJANGO_SETTINGS_MODULE": "shop.settings.production",
            "DJANGO_ALLOWED_HOSTS": "127.0.0.1",
            "DJANGO_SECURE_SSL_REDIRECT": "false",
            "DATABASE_URL": database.url,
            **broker.variables,
        }
        made = Rig(name, _project(Path(folder), broker.kind), broker, database, variables, Path(folder))
        made.project.manage("migrate", "--run-syncdb", "-v", "0", **variables)
        made.shell("from workload.models import *\nfor pk in range(COUNTERS): Counter.objects.create(pk=pk)")
        try:
            yield made
        finally:
            made.crew.dismiss()


def _project(folder: Path, broker: str) -> Project:
    project = make(folder, "shop", ["--broker", broker], Path(sys.executable))
    shutil.copytree(WORKLOAD, project.path / "workload", ignore=shutil.ignore_patterns("__pycache__"))
    edit(project.path / "shop/settings/base.py", '    "orders",\n', INSTALLED)
    edit(project.path / "shop/settings/jobs.py", "\nROUTES = {\n", ROUTES)
    edit(project.path / "shop/urls.py", "urlpatterns = [\n", f"import workload.views\n\n{URLS}")
    return project


def ended(process: Process, seconds: float = 600) -> int:
    """Wait for the end of a process. Returns its exit code, and -9 when it was killed."""
    try:
        return process.popen.wait(seconds)
    except subprocess.TimeoutExpired:
        process.end()
        raise AssertionError(f"not over after {seconds} s:\n{process.text[-2000:]}") from None


__all__ = ["Outcome", "Rig", "ended", "eventually", "rig", "rig_on"]
