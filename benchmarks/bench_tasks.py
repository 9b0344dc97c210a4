"""Run a `@task` under faults, on four backends of django.tasks: python -m benchmarks.bench_tasks

Each backend has a fresh project on Django 6.1 with a PostgreSQL and a Valkey of its own, two supervised workers, and
the same task: two writes in a transaction, up to half a second apart. The jobs are enqueued in transactions, six in a
second, while the fault happens. Then the workers have a minute without any progress until what is left counts as lost
or stuck.

Settings are those of each package, with two exceptions in favour of the others: django-ox gives a dead worker 15
seconds instead of 300, as in its own benchmark, and Celery behind django-tasks-celery acknowledges late and rejects on
a lost worker, with a visibility timeout of 40 seconds.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.measuring import save, saved, table
from tests.live.durable.cost import PEER, PEER_APP, PEER_APPS
from tests.live.harness.environment import Environment, exit_code
from tests.live.harness.project import AS_GENERATED
from tests.live.harness.supervisor import Service
from tests.live.harness.third_party import running_site
from tests.projects import Project, interpreter

RATE = 6  # jobs in a second
LONGEST = 0.5  # seconds of a job
PATIENCE = 60  # seconds without progress, after which nothing more is expected
WORKERS = 2
TASK = "portable_function"
BRIDGE_SETTINGS = f"""{PEER}
CELERY_RESULT_BACKEND = None
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_BROKER_TRANSPORT_OPTIONS = {{"visibility_timeout": 40}}
"""
FULL = 120  # jobs in each scenario


@dataclass(frozen=True)
class Way:
    """Describe one backend: its package, its entry in TASKS, and the command of its workers."""

    name: str
    package: str
    entry: str
    worker: tuple[str, ...]
    ready: str  # in the log of a worker
    app: str = ""  # to install
    settings: str = "from shop.settings.production import *\n"
    table: str = ""  # of its jobs
    unfinished: str = ""  # the condition under which that table calls a job unfinished
    has_broker: bool = False
    has_beat: bool = False


UNFINISHED = "status IN ('READY', 'RUNNING')"
WAYS = (
    Way(
        "djcelery-jobs",
        "",
        "{'BACKEND': 'djcelery_jobs.tasks_backend.DurableBackend'}",
        ("manage.py", "worker", "fast"),
        " ready.",
        table="djcelery_jobs_job",
        unfinished="state IN ('delayed', 'next', 'waiting') AND dispatched_by <> 'beat'",
        has_broker=True,
        has_beat=True,
    ),
    Way(
        "django-tasks-db",
        "django-tasks-db==0.13.0",
        "{'BACKEND': 'django_tasks_db.DatabaseBackend', 'QUEUES': ['default', 'fast']}",
        ("manage.py", "db_worker", "--queue-name", "*", "--interval", "0.2"),
        "Starting worker",
        app="django_tasks_db",
        table="django_tasks_database_dbtaskresult",
        unfinished=UNFINISHED,
    ),
    Way(
        "django-ox",
        "django-ox==1.9.1",
        "{'BACKEND': 'django_ox.backend.OxBackend', 'QUEUES': [], 'OPTIONS': {'LOCK_TIMEOUT': 15}}",
        ("manage.py", "ox_worker", "--concurrency", "4", "--interval", "0.2"),
        "orker",
        app="django_ox",
        table="django_ox_oxtask",
        unfinished=UNFINISHED,
    ),
    Way(
        "django-tasks-celery",
        "django-tasks-celery[celery]==0.1.1",
        "{'BACKEND': 'django_tasks_celery.CeleryBackend', 'QUEUES': [], 'OPTIONS': {'CELERY_APP': 'peer.app'}}",
        ("-m", "celery", "-A", "peer", "worker", "-l", "INFO", "-c", "4", "-Q", "fast"),
        " ready.",
        settings=BRIDGE_SETTINGS,
        has_broker=True,
    ),
)


@dataclass
class Found:
    """Count what is left of the jobs whose transaction committed, and of those whose transaction did not."""

    enqueued: int
    lost: int
    doubled: int
    unexpected: int  # effects of transactions that were rolled back
    stuck: int  # neither finished nor going on
    refused: int  # callers that got an error instead
    half_done: int = field(default=0)


def rollbacks(environment: Environment, way: Way, jobs: int) -> Found:
    dispatch(environment, jobs, rate=0, rollbacks=1.0)
    time.sleep(10)
    return found(environment, way)


def workers_killed(environment: Environment, way: Way, jobs: int) -> Found:
    def fault() -> None:
        for _ in range(3):
            time.sleep(jobs / RATE / 5)
            environment.supervisor.kill_all_workers()

    return under(environment, way, jobs, fault)


def broker_killed(environment: Environment, way: Way, jobs: int) -> Found:
    def fault() -> None:
        time.sleep(jobs / RATE / 3)
        environment.broker.kill()
        time.sleep(2)
        environment.broker.start()

    return under(environment, way, jobs, fault)


def restarts(environment: Environment, way: Way, jobs: int) -> Found:
    def fault() -> None:
        for _ in range(2):
            time.sleep(jobs / RATE / 4)
            for service in [each for each in environment.supervisor.services if each.name.startswith("worker")]:
                environment.supervisor.replace(service.name)

    return under(environment, way, jobs, fault)


SCENARIOS: dict[str, Callable[[Environment, Way, int], Found]] = {
    "transactions rolled back": rollbacks,
    "workers killed": workers_killed,
    "broker killed": broker_killed,
    "workers restarted": restarts,
}


def under(environment: Environment, way: Way, jobs: int, fault: Callable[[], None]) -> Found:
    """Enqueue the jobs while the fault happens, and count when nothing happens any more."""
    process = environment.dispatch(0, jobs, rate=RATE, longest=LONGEST, tasks=TASK)
    fault()
    assert exit_code(process) == 0, process.text[-3000:]
    environment.settle(600, patience=PATIENCE)
    time.sleep(5)  # for a second run of what has had its effect
    counted = found(environment, way)
    counted.refused = jobs - counted.enqueued
    return counted


def dispatch(environment: Environment, jobs: int, **options: Any) -> None:
    assert exit_code(environment.dispatch(0, jobs, tasks=TASK, **options)) == 0


def found(environment: Environment, way: Way) -> Found:
    outcome = environment.outcome()
    stuck = f"SELECT count(*) FROM {way.table} WHERE {way.unfinished}"  # noqa: S608  our own names
    return Found(
        outcome.dispatched,
        outcome.lost,
        outcome.doubled,
        outcome.unexpected,
        environment.number(stuck) if way.table else 0,
        0,
        outcome.half_done,
    )


def prepared(way: Way) -> Callable[[Project], None]:
    """Return what puts the settings of a backend beside those of the project."""

    def prepare(project: Project) -> None:
        app = f"INSTALLED_APPS = [*INSTALLED_APPS, {way.app!r}]\n" if way.app else ""
        text = f"{way.settings}\n{app}TASKS = {{'default': {way.entry}}}\n"
        (project.path / "backend_settings.py").write_text(text)
        (project.path / "peer.py").write_text(PEER_APP.replace("peer_settings", "backend_settings"))
        (project.path / "peer_apps.py").write_text(PEER_APPS)

    return prepare


def measure(way: Way, jobs: int) -> dict[str, dict[str, int]]:
    """Run every scenario for one backend."""
    executable = interpreter("3.12")
    assert executable, "Python 3.12 is needed, for Django 6.1"
    packages = ["django==6.1.*", *filter(None, [way.package])]
    counts = {}
    with running_site(
        executable, "redis", packages, prepared(way), policy=AS_GENERATED, settings="backend_settings"
    ) as environment:
        services: list[Service] = [
            environment.service(f"worker-{number}", *worker_command(way, number), ready=way.ready)
            for number in range(WORKERS)
        ]
        environment.supervisor.add(services)
        if way.has_beat:
            environment.supervise_beat()
        for name, scenario in SCENARIOS.items():
            if name == "broker killed" and not way.has_broker:
                continue
            environment.supervisor.all_ready()
            environment.clear()
            if way.table:
                environment.database.run(f"DELETE FROM {way.table}")  # noqa: S608  our own names
            counts[name] = asdict(scenario(environment, way, jobs))
            print(f"{way.name}, {name}: {counts[name]}", file=sys.stderr, flush=True)
    return counts


def worker_command(way: Way, number: int) -> list[str]:
    name = ["-n", f"worker-{number}@%h"] if "celery" in way.worker else []
    return [*way.worker, *name]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=FULL, help="default, and full size: %(default)s")
    parser.add_argument("--only", choices=[way.name for way in WAYS], action="append", help="this backend")
    options = parser.parse_args()
    counts: dict[str, Any] = {}
    for way in WAYS:
        if way.name in (options.only or [way.name]):
            counts[way.name] = measure(way, options.jobs)
            figures = saved("tasks").get("backends", {}) | counts
            in_order = {known.name: figures[known.name] for known in WAYS if known.name in figures}
            save("tasks", {"jobs": options.jobs, "backends": in_order}, full=options.jobs == FULL)
    columns = ("enqueued", "lost", "doubled", "unexpected", "stuck", "refused")
    rows = [
        (name, scenario, *(found[column] for column in columns))
        for name, scenarios in counts.items()
        for scenario, found in scenarios.items()
    ]
    table(("backend", "fault", *columns), rows)
    ours = counts.get(WAYS[0].name, {}).values()
    return int(any(found["lost"] or found["doubled"] or found["unexpected"] or found["stuck"] for found in ours))


if __name__ == "__main__":
    sys.exit(main())
