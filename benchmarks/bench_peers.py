"""Measure what a job costs here and in other job systems: python -m benchmarks.bench_peers [JOBS] [ROUNDS]

Each rival is installed, in its newest version, into an environment of its own that is kept in ~/.cache. All of them run
on one PostgreSQL, each in a database of its own, and on one Valkey. Each round runs all of them one after the other:
the worker starts and runs some jobs, sleeps while JOBS are dispatched, and runs them. CPU is that of the worker's
processes, PostgreSQL and Valkey together, for each job; so is what a busy machine changes least. A rival that polls is
given no idle time. In the environment, ONLY="durable django-ox" leaves out the other systems, and SIDES="2" other
numbers of jobs at a time; the figures are not saved then.

Not measured here: what is lost or run twice after a kill. That is what the fault suites and their figures are for.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from kombu import Connection

from benchmarks.measuring import save, sizes, table
from tests.live.durable.cost import TICK
from tests.live.harness.environment import Environment, running_environment
from tests.live.harness.processes import Process, eventually
from tests.live.harness.project import AS_GENERATED
from tests.projects import environment as developer

RIVALS = Path(__file__).parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "djcelery-bench-peers"
WARMING = 200  # jobs that a worker runs before it is measured
BATCH = 200  # durable jobs that one transaction publishes itself; the relay does not run here
SIDES = (1, 2, 4)  # jobs at the same time
MANY = 1000  # jobs that are dispatched at once


@dataclass
class Engine:
    """Describe one job system.

    promise: what it promises about a job whose process is killed.
    worker: the words after `python` that start one worker. `{}` is the number of jobs at the same time.
    each: start one such worker for each job at the same time, because a worker runs one only.
    waiting: counts the jobs that have not ended.
    """

    name: str
    promise: str
    worker: tuple[str, ...]
    waiting: str
    requirements: tuple[str, ...] = ()
    each: bool = False
    suffix: str = ""  # of the names of our own tasks
    python: str = sys.executable
    packages: dict[str, str] = field(default_factory=dict)


OWN = ("manage.py", "worker", "fast", "--concurrency", "{}")
DJANGO = "django>=6.0,<6.1" if sys.version_info >= (3, 12) else "django>=5.2,<6"
POSTGRES = "psycopg[binary]>=3.2"
ENGINES = [
    Engine(
        "durable",
        "effect exactly once",
        OWN,
        "SELECT count(*) FROM djcelery_jobs_job WHERE state IN ('waiting', 'delayed')",
        suffix="_durable",
    ),
    Engine("plain", "late ack", OWN, ""),
    Engine(
        "django-ox",
        "at least once",
        ("-m", "django", "ox_worker", "--processes", "{}"),
        "SELECT count(*) FROM django_ox_oxtask WHERE status IN ('READY', 'RUNNING')",
        ("django-ox", DJANGO, POSTGRES),
    ),
    Engine(
        "procrastinate",
        "at least once",
        ("-m", "django", "procrastinate", "worker", "--concurrency", "1"),
        "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')",
        ("procrastinate[django]", DJANGO, POSTGRES),
        each=True,
    ),
    Engine(
        "django-tasks-db",
        "stuck after a kill",
        ("-m", "django", "db_worker", "--interval", "0.1"),
        "SELECT count(*) FROM django_tasks_database_dbtaskresult WHERE status IN ('READY', 'RUNNING')",
        ("django-tasks-db", DJANGO, POSTGRES),
        each=True,
    ),
    Engine(
        "celery",
        "loses jobs",
        ("-m", "celery", "-A", "rival.celery_app", "worker", "-l", "INFO", "-c", "{}"),
        "SELECT {} - count(*) FROM django_celery_results_taskresult",
        ("celery[redis]", "django-celery-results", DJANGO, POSTGRES),
    ),
]


@dataclass
class Bench:
    """Hold the servers, and what was measured: by engine and by what it did, one figure a round."""

    ours: Environment
    figures: dict[str, dict[str, list[dict[str, float]]]]

    def url(self, engine: Engine) -> str:
        number = 1 + ENGINES.index(engine)
        return urlsplit(self.ours.variables["REDIS_URL"])._replace(path=f"/{number}").geturl()

    def database(self, engine: Engine) -> str:
        return f"rival_{ENGINES.index(engine)}" if engine.requirements else "postgres"

    def variables(self, engine: Engine) -> dict[str, str]:
        if not engine.requirements:
            return self.ours.variables | {"REDIS_URL": self.url(engine), "JOBS_LOG_LEVEL": "INFO"}
        server = urlsplit(self.ours.database.url)
        return {
            "RIVAL": engine.name,
            "DJANGO_SETTINGS_MODULE": "rival.settings",
            "PYTHONPATH": str(RIVALS),
            "PGHOST": str(server.hostname),
            "PGPORT": str(server.port),
            "PGUSER": str(server.username),
            "PGDATABASE": self.database(engine),
            "REDIS_URL": self.url(engine),
        }

    def folder(self, engine: Engine) -> Path:
        return RIVALS if engine.requirements else self.ours.project.path

    def run(self, engine: Engine, *words: str) -> str:
        """Run `python WORDS` of the engine, and return the last line that it prints."""
        command, env = [engine.python, *words], developer() | self.variables(engine)
        done = subprocess.run(command, cwd=self.folder(engine), env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{engine.name}: {done.stdout}{done.stderr}"
        return done.stdout.strip().rpartition("\n")[2]

    def number(self, engine: Engine, query: str) -> int:
        import psycopg

        url = urlsplit(self.ours.database.url)._replace(path=f"/{self.database(engine)}").geturl()
        with psycopg.connect(url, autocommit=True) as connection:
            row = connection.execute(query.encode()).fetchone()
        return int(row[0]) if row else 0

    # -- what an engine does -----------------------------------------------------------------------------------------

    def prepare(self, engine: Engine) -> None:
        """Install a rival, and make its tables."""
        if not engine.requirements:
            return
        venv = CACHE / f"{engine.name}-{sys.version_info.major}{sys.version_info.minor}"
        uv = [sys.executable, "-m", "uv"]
        if not venv.exists():
            subprocess.run([*uv, "venv", "-q", "-p", sys.executable, venv], check=True)
        engine.python = str(venv / "bin" / "python")
        subprocess.run([*uv, "pip", "install", "-q", "-p", venv, "-U", *engine.requirements], check=True)
        names = [requirement.partition("[")[0].partition(">")[0] for requirement in engine.requirements]
        code = f"import importlib.metadata as m, json; print(json.dumps({{n: m.version(n) for n in {names!r}}}))"
        engine.packages = json.loads(subprocess.check_output([engine.python, "-c", code], text=True))
        self.ours.database.run(f"CREATE DATABASE {self.database(engine)}")
        self.run(engine, "-m", "django", "migrate", "--run-syncdb", "-v", "0")
        counters = ", ".join(f"({pk}, 0)" for pk in range(32))
        self.number(engine, f"INSERT INTO rival_counter (id, value) VALUES {counters} RETURNING 1")  # noqa: S608

    def dispatch(self, engine: Engine, task: str, how: str, count: int) -> dict[str, float]:
        """Dispatch jobs, and return what that took the caller for each."""
        if engine.requirements:
            return dict(json.loads(self.run(engine, "-m", "rival.dispatch", task, how, str(count))))
        words = ("manage.py", "dispatch_measured", f"{task}{engine.suffix}", how, str(count), f"--batch={BATCH}")
        return dict(json.loads(self.run(engine, *words)))

    def left(self, engine: Engine, dispatched: int) -> int:
        """Return how many jobs have not ended."""
        if engine.waiting:
            return self.number(engine, engine.waiting.format(dispatched))
        with Connection(self.url(engine)) as connection, connection.channel() as channel:
            client = channel.client
            return int(client.llen("shop:fast") + client.hlen("shop:unacked"))

    def forget(self, engine: Engine) -> None:
        """Empty the engine's table of jobs and its queue, so that each measurement meets the same."""
        if not engine.requirements or engine.name == "celery":
            with Connection(self.url(engine)) as connection, connection.channel() as channel:
                channel.client.flushdb()  # of our own server
        if engine.waiting:
            name = engine.waiting.partition(" FROM ")[2].split()[0]
            self.number(engine, f"WITH gone AS (DELETE FROM {name} RETURNING 1) SELECT count(*) FROM gone")  # noqa: S608
            self.ours.database.run("CHECKPOINT")

    @contextmanager
    def worker(self, engine: Engine, side: int) -> Iterator[list[Process]]:
        """Run the workers of an engine until the block ends."""
        words = [word.format(side) for word in engine.worker]
        env = developer() | self.variables(engine)
        log = self.ours.folder / f"worker-{engine.name}.log"
        started = [
            Process([engine.python, *words], self.folder(engine), env, log) for _ in range(side if engine.each else 1)
        ]
        try:
            yield started
        finally:
            for process in started:
                process.end()

    def measure(self, engine: Engine, task: str, side: int, jobs: int) -> None:
        """Run jobs, and note what each of them took."""
        self.forget(engine)
        with self.worker(engine, side) as workers:
            self.dispatch(engine, task, "many", WARMING)
            eventually(
                "it is warm", lambda: not self.left(engine, WARMING), 120, otherwise=lambda: workers[0].text[-3000:]
            )
            time.sleep(0.5)
            with _asleep(workers):
                self.dispatch(engine, task, "many", jobs)
                before = self._cpu(workers)
                begun = time.monotonic()
            while self.left(engine, WARMING + jobs):
                assert time.monotonic() < begun + 600, f"{engine.name} does not end: {workers[0].text[-3000:]}"
                time.sleep(0.2)
            seconds = time.monotonic() - begun
            time.sleep(0.5)  # the last are acknowledged
            after = self._cpu(workers)
        taken = {name: (after[name] - before[name]) / jobs * 1000 for name in after}
        taken |= {"cpu_ms": sum(taken.values()), "rate": jobs / seconds}
        self.figures[engine.name][f"{task} {side}"].append(taken)

    def _cpu(self, workers: list[Process]) -> dict[str, float]:
        """Return the CPU seconds so far of each kind of process."""
        postgres = int((self.ours.database.folder / "data" / "postmaster.pid").read_text().split()[0])
        return {
            "worker": sum(tree_seconds(process.popen.pid) for process in workers),
            "postgres": tree_seconds(postgres),
            "valkey": tree_seconds(self.ours.broker.process.popen.pid),
        }


@contextmanager
def _asleep(workers: list[Process]) -> Iterator[None]:
    """Stop the processes where they are, until the block ends."""
    pids = [pid for process in workers for pid in _tree(process.popen.pid)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def _tree(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    pids = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):
            pids += [one for child in (task / "children").read_text().split() for one in _tree(int(child))]
    return pids


def tree_seconds(pid: int) -> float:
    """Return the CPU of a process, of its living descendants, and of those that have ended and been waited for."""
    ticks = 0
    for each in _tree(pid):
        with suppress(OSError):
            ticks += sum(
                int(number) for number in Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()[11:15]
            )
    return ticks / TICK


def main() -> int:
    (jobs, rounds), full = sizes(__doc__, jobs=500, rounds=3)
    only = os.environ.get("ONLY", "").split()  # names of engines, while one of them is being worked on
    engines = [engine for engine in ENGINES if not only or engine.name in only]
    sides = [int(side) for side in os.environ.get("SIDES", "").split()] or SIDES
    with running_environment("redis", "postgres", policy=AS_GENERATED) as ours:
        bench = Bench(ours, defaultdict(lambda: defaultdict(list)))
        for engine in engines:
            bench.prepare(engine)
        for _ in range(rounds):
            for side in sides:
                for task in ("noop", "add_one") if side == 2 else ("noop",):
                    for engine in engines:
                        bench.measure(engine, task, side, jobs)
            for engine in engines:
                for how, count in (("one", 300), ("many", MANY)):
                    bench.figures[engine.name][f"dispatch {how}"].append(bench.dispatch(engine, "noop", how, count))
    _print(engines, bench.figures, sides)
    packages = {engine.name: engine.packages for engine in engines}
    is_whole = engines == ENGINES and tuple(sides) == SIDES
    save("peers", {"jobs": jobs, "rounds": rounds, "packages": packages, "raw": bench.figures}, full=full and is_whole)
    return int(bool(missed(bench.figures)))


def _print(engines: list[Engine], figures: Any, sides: Any) -> None:
    def middle(engine: Engine, what: str, name: str) -> float:
        return median(round_[name] for round_ in figures[engine.name][what]) if figures[engine.name][what] else 0.0

    table(
        ("2 jobs at a time", "promise", "no-op: CPU ms", "worker", "PostgreSQL", "Valkey", "one UPDATE: CPU ms"),
        [
            (
                engine.name,
                engine.promise,
                *(middle(engine, "noop 2", name) for name in ("cpu_ms", "worker", "postgres", "valkey")),
                middle(engine, "add_one 2", "cpu_ms"),
            )
            for engine in engines
        ],
    )
    print()
    table(
        ("jobs a second", *(f"{side} at a time" for side in sides), "dispatch alone, ms", f"{MANY:,} at once, ms each"),
        [
            (
                engine.name,
                *(middle(engine, f"noop {side}", "rate") for side in sides),
                *(middle(engine, f"dispatch {how}", "wall_ms") for how in ("one", "many")),
            )
            for engine in engines
        ],
    )


def missed(figures: Any) -> list[str]:
    """Return which of the bounds are not held: a durable job beside the cheapest rival that loses none."""
    bounds = []
    for what, most in (("noop 2", 1.2), ("add_one 2", 1.0)):
        pairs = zip(figures["durable"][what], figures["django-ox"][what], strict=False)  # one of them may be left out
        ratios = [own["cpu_ms"] / theirs["cpu_ms"] for own, theirs in pairs]
        if ratios:
            print(f"{what}: a durable job takes {median(ratios):.2f} of django-ox's CPU (at most {most})")
            bounds += [what] if median(ratios) > most else []
    return bounds


if __name__ == "__main__":
    sys.exit(main())
