"""Put a generated project with the workload app on servers of its own, run its processes, and ask its database."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from amqp import NotFound
from kombu import Connection

from tests.live.harness import report
from tests.live.harness.forks import Forks
from tests.live.harness.processes import Process, eventually, where_it_is, whole_lines
from tests.live.harness.project import CLASSES, SHORT, TRANSPORTS, Policy, make_project, prefix_options
from tests.live.harness.report import Outcome
from tests.live.harness.servers import PostgreSQL, SQLite, running_broker, running_database
from tests.live.harness.supervisor import Service, Supervisor
from tests.projects import PRODUCTION, Project, environment

# Beat adds jobs of the project's own, at 02:10 and at minute 40, some of a class that has no worker here.
UNFINISHED = "SELECT count(*) FROM djcelery_jobs_job WHERE state IN ('delayed', 'waiting') AND dispatched_by <> 'beat'"
TABLES = (
    "workload_expected",
    "workload_effect",
    "djcelery_jobs_job",
    "djcelery_jobs_effect",
    "djcelery_jobs_redelivery",
    "djcelery_jobs_pause",
    "djcelery_jobs_cancellation",
    "djcelery_jobs_heldmessage",
    "djcelery_jobs_bulkaction",
)
# What processes write about themselves.
OBSERVATIONS = (
    "djcelery_jobs_heartbeat",
    "djcelery_jobs_tally",
    "djcelery_jobs_minutetally",
    "djcelery_jobs_schedulestate",
)
# As many as workload/tasks/counted.py counts in.
COUNTERS = "INSERT INTO workload_counter (id, value) VALUES " + ", ".join(f"({pk}, 0)" for pk in range(32))  # noqa: S608


class Broker(Protocol):
    """Say what an environment knows of its broker, whether one server or many."""

    kind: str  # as `djcelery new --broker` calls it
    variables: dict[str, str]  # what tells the project where it is


@dataclass
class Environment:
    """Hold one project, its servers, its processes, and what they are told by their environment variables."""

    name: str
    project: Project
    broker: Any
    database: PostgreSQL | SQLite
    variables: dict[str, str]
    folder: Path  # of the logs
    supervisor: Supervisor = field(default_factory=Supervisor)
    processes: list[Process] = field(default_factory=list)  # that nobody starts again
    enter: tuple[str, ...] = ()  # the words before a command that run it on the host of the web processes

    def __post_init__(self) -> None:
        self.forks = Forks(self.project.path, self.project.python, self.folder)

    @property
    def beat_command(self) -> tuple[str, ...]:
        return ("-m", "celery", "-A", self.project.slug, "beat", "-l", "INFO")

    # -- processes ---------------------------------------------------------------------------------------------------

    def start(self, *words: str, name: str, ready: str = "", **variables: str) -> Process:
        """Start `python WORDS` in the project, and wait for a line of its log that says that it is ready."""
        env = environment() | self.variables | variables
        command = [*self.enter, self.project.python, *words]
        process = Process(command, self.project.path, env, self.folder / f"{name}.log")
        self.processes.append(process)
        if ready:
            process.wait_for(ready, seconds=90)
        return process

    def worker(self, workload: str, *words: str, ready: str = r" ready\.") -> Process:
        return self.start("manage.py", "worker", workload, *words, name=f"worker-{workload}", ready=ready)

    def beat(self, name: str = "beat", ready: str = "beat: Starting") -> Process:
        return self.start(*self.beat_command, name=name, ready=ready)

    def web(self, port: int, *words: str, name: str = "web") -> Process:
        """Start gunicorn. Its words say how many processes and threads it has."""
        return self.start(
            "-m",
            "gunicorn",
            f"{self.project.slug}.wsgi",
            "--bind",
            f"127.0.0.1:{port}",
            *words,
            name=name,
            ready="Booting worker",
        )

    def end_processes(self) -> None:
        """End what was started and is not supervised."""
        self.forks.end()
        while self.processes:
            self.processes.pop().end()

    def service(self, name: str, *words: str, ready: str, enter: tuple[str, ...] | None = None) -> Service:
        """Describe a supervised `python WORDS`, for the supervisor to start."""
        before = self.enter if enter is None else enter

        def start(log: Path) -> Process:
            env = environment() | self.variables
            return Process([*before, self.project.python, *words], self.project.path, env, log)

        return Service(name, start, self.folder, ready)

    def worker_service(self, name: str, workload: str = "fast", enter: tuple[str, ...] | None = None) -> Service:
        return self.service(name, "manage.py", "worker", workload, ready=" ready.", enter=enter)

    def beat_service(self, name: str = "beat", enter: tuple[str, ...] | None = None) -> Service:
        return self.service(name, *self.beat_command, ready="beat: ", enter=enter)

    def supervise_workers(self, count: int = 2, workload: str = "fast") -> None:
        self.supervisor.add([self.worker_service(f"worker-{workload}-{number}", workload) for number in range(count)])

    def supervise_beat(self) -> None:
        self.supervisor.add([self.beat_service()])

    # -- what it is asked to do --------------------------------------------------------------------------------------

    def dispatch(self, first: int, end: int, **options: object) -> Process:
        """Start the process that dispatches the jobs with these numbers."""
        words = [f"--{name}" if value is True else f"--{name}={value}" for name, value in options.items() if value]
        command = [*self.enter, self.project.python, "manage.py", "dispatch_numbers"]
        return Process(
            [*command, f"--first={first}", f"--end={end}", *words],
            self.project.path,
            environment() | self.variables,
            self.folder / f"dispatch-{first}.log",
        )

    def manage(self, *words: str, **variables: str) -> str:
        """Run a command in a fork of a process that has loaded the project; with more variables, in one of its own."""
        if variables:  # which settings may read when they are imported
            return self.project.manage(*words, **(self.variables | variables))
        return self.forks.manage(words, environment() | self.variables)

    def shell(self, code: str) -> str:
        """Run code in a process that publishes. Returns the last line that it prints."""
        printed = self.manage("shell", "-v0", "-c", f"from workload.tasks import *\n{code}")
        return printed.strip().rpartition("\n")[2]

    def ask(self, command: str, *words: str, timeout: float = 900, **variables: str) -> Any:
        """Run a command of the workload app, and return what it printed as JSON in its last line."""
        printed = self.project.run("manage.py", command, *words, timeout=timeout, **(self.variables | variables))
        return json.loads(printed.strip().rpartition("\n")[2])

    def clear(self) -> None:
        """Forget all jobs and effects. Old messages find no row and end quietly."""
        for table in TABLES:
            self.database.run(f"DELETE FROM {table}")  # noqa: S608  our own names
        self.database.run("UPDATE workload_counter SET value = 0")
        self._starts_file.unlink(missing_ok=True)

    def forget_everything(self) -> None:
        """Forget jobs, effects, messages and observations. No process of the project may run."""
        self.clear()
        for table in OBSERVATIONS:
            self.database.run(f"DELETE FROM {table}")  # noqa: S608  our own names
        with self.broker_connection() as connection:
            for queue in CLASSES:
                with connection.channel() as channel, suppress(NotFound):
                    channel.queue_purge(queue)

    def broker_connection(self) -> Connection:
        """Return a connection that sees the project's queues, and nobody else's, by their plain names."""
        [url] = self.broker.variables.values()
        return Connection(url, transport=TRANSPORTS[self.broker.kind], transport_options=prefix_options(self.project))

    # -- what is known of it -----------------------------------------------------------------------------------------

    def number(self, query: str) -> int:
        return report.number(self.database, query)

    def unfinished(self) -> int:
        """Count the jobs that were dispatched and have not ended."""
        return self.number(UNFINISHED)

    def states(self) -> dict[str, int]:
        return report.states(self.database)

    def outcome(self) -> Outcome:
        return report.outcome(self.database)

    def failure_report(self) -> str:
        known = {process.log.stem: process for process in self.processes}
        known |= {each.name: each.process for each in self.supervisor.services if each.process}
        said = (f"{name}: {where_it_is(process)}" for name, process in known.items())
        return report.failure_report(self.database, self.folder.glob("*.log"), said)

    def starts(self, number: int) -> int:
        """Count how often a job that records its starts has begun."""
        return sum(started == number for started, _ in self._starts())

    def start_times(self) -> list[float]:
        return [at for _, at in self._starts()]

    @property
    def _starts_file(self) -> Path:
        return self.project.path / "starts.log"

    def _starts(self) -> list[tuple[int, float]]:
        pairs = (line.split() for line in whole_lines(self._starts_file))
        return [(int(number), float(at)) for number, at in pairs]

    def worker_lines(self, words: str) -> int:
        """Count the lines with these words that the workers have logged so far."""
        return sum(log.read_text(errors="replace").count(words) for log in self.folder.glob("worker-*.log"))

    # -- waiting -----------------------------------------------------------------------------------------------------

    def wait_for_starts(self, count: int) -> None:
        eventually(f"{count} starts", lambda: len(self._starts()) >= count, otherwise=self.failure_report)

    def wait_for_effects(self, count: int) -> None:
        eventually(f"{count} effects", lambda: self.number(report.EFFECTS) >= count, otherwise=self.failure_report)

    def wait_until_finished(self, seconds: float = 60) -> None:
        """Wait until every job that was dispatched has ended."""
        eventually("all jobs ended", lambda: not self.unfinished(), seconds, otherwise=self.failure_report)

    def settle(self, seconds: float, *, patience: float | None = None) -> float:
        """Wait until no job is unfinished, or as many effects are there as expected if there are no rows.

        patience: give up when nothing has happened for so long; for jobs that may be lost. Returns the time at which
        the last effect was seen to be there.
        """
        deadline, seen, at = time.monotonic() + seconds, -1, time.time()
        while True:
            states = self.states()
            unfinished = states.get("delayed", 0) + states.get("waiting", 0)
            effects, lost = self.number(report.EFFECTS), self.number(report.LOST)
            if effects != seen:
                seen, at = effects, time.time()
            if not unfinished and not lost:
                return at
            if patience is not None and time.time() - at > patience:
                return at
            message = f"{unfinished} unfinished, {lost} lost after {seconds} s"
            assert time.monotonic() < deadline, f"{message}\n{self.failure_report()}"
            time.sleep(0.3)


@contextmanager
def running_environment(
    broker: str, database: str, *flags: str, policy: Policy = SHORT, **variables: str
) -> Iterator[Environment]:
    """Run servers of our own with a fresh project on them. Nothing of it is left when the block ends.

    flags: of `djcelery new`. variables: the environment of all of its processes.
    """
    with (
        running_broker(broker) as queue,
        running_database(database) as store,
        environment_on(queue, store, f"{broker} and {database}", *flags, policy=policy, **variables) as made,
    ):
        yield made


@contextmanager
def environment_on(
    broker: Broker,
    database: PostgreSQL | SQLite,
    name: str,
    *flags: str,
    slug: str = "shop",
    policy: Policy = SHORT,
    **variables: str,
) -> Iterator[Environment]:
    """Make a fresh project on servers that run already."""
    with tempfile.TemporaryDirectory(prefix="djcelery-live-") as folder:
        known = {
            **PRODUCTION,
            "DJANGO_SETTINGS_MODULE": f"{slug}.settings.production",
            "DJANGO_ALLOWED_HOSTS": "127.0.0.1",
            "DJANGO_SECURE_SSL_REDIRECT": "false",
            "EMAIL_URL": "dummymail://",
            "DATABASE_URL": database.url,
            **broker.variables,
            **variables,
        }
        project = make_project(Path(folder), broker.kind, *flags, slug=slug, policy=policy)
        made = Environment(name, project, broker, database, known, Path(folder))
        made.manage("migrate", "--run-syncdb", "-v", "0")
        database.run(COUNTERS)
        try:
            yield made
        finally:
            made.supervisor.stop()
            made.end_processes()


def exit_code(process: Process, seconds: float = 600) -> int:
    """Wait for the end of a process. Returns its exit code, and -9 when it was killed."""
    try:
        return process.popen.wait(seconds)
    except subprocess.TimeoutExpired:
        process.end()
        raise AssertionError(f"not over after {seconds} s:\n{process.text[-2000:]}") from None
