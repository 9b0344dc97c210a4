"""Measure what a job costs: workers under several settings on one broker, one after the other."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from kombu import Connection

from tests.live.harness.environment import Environment
from tests.live.harness.processes import Process, eventually

TICK = os.sysconf("SC_CLK_TCK")
# Settings modules that stand beside the project's own; each has a Redis database and a worker of its own.
PLAIN = """
from shop.settings.production import *

REDIS_URL = env("REDIS_URL")
CELERY_BROKER_URL = REDIS_URL
"""
RESULTS = """
INSTALLED_APPS = [*INSTALLED_APPS, "django_celery_results"]
CELERY_RESULT_BACKEND = "django-db"
CELERY_TASK_IGNORE_RESULT = False
CELERY_RESULT_EXTENDED = True
"""
# Nothing of what tells what the jobs are doing: no counts, no heartbeat, no context in the lines of the log.
UNWATCHED = """
from djcelery_jobs import apps

WATCHING = ("djcelery_jobs.worker.reporter", "djcelery_jobs.worker.tallies")
apps.CONNECTED = [name for name in apps.CONNECTED if name not in WATCHING]
apps._of_installed_extras = lambda: iter(())  # no line of the log for each job
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(levelname)s %(asctime)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"level": "INFO", "handlers": ["console"]},
}
"""
# What the most used Django template generates: the broker keeps the results, nothing is said about the rest.
PEER = """
from kombu.transport import TRANSPORT_ALIASES

from shop.settings.production import *

TRANSPORT_ALIASES["redis"] = "kombu.transport.redis:Transport"

for name in [name for name in globals() if name.startswith("CELERY_")]:
    del globals()[name]
REDIS_URL = env("REDIS_URL")
CELERY_BROKER_URL = REDIS_URL
CELERY_RESULT_BACKEND = REDIS_URL
CELERY_RESULT_EXTENDED = True
CELERY_RESULT_BACKEND_ALWAYS_RETRY = True
CELERY_RESULT_BACKEND_MAX_RETRIES = 10
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_TIME_LIMIT = 5 * 60
CELERY_TASK_SOFT_TIME_LIMIT = 60
CELERY_WORKER_SEND_TASK_EVENTS = True
CELERY_TASK_SEND_SENT_EVENT = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
INSTALLED_APPS = ["peer_apps.Bare" if app == "djcelery_jobs" else app for app in INSTALLED_APPS]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"verbose": {"format": "%(levelname)s %(asctime)s %(module)s %(process)d %(thread)d %(message)s"}},
    "handlers": {"console": {"level": "DEBUG", "class": "logging.StreamHandler", "formatter": "verbose"}},
    "root": {"level": "INFO", "handlers": ["console"]},
}
"""
# The tables of the library, without its checks and signals.
PEER_APPS = """
from django.apps import AppConfig


class Bare(AppConfig):
    name = "djcelery_jobs"
"""
PEER_APP = """
import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "peer_settings")
app = Celery("peer")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
"""


@dataclass
class Way:
    """Describe one way to run a job that does nothing, and hold what it took."""

    name: str
    settings: str
    task: str = "noop"
    app: str = "shop"
    queue: str = "fast"
    jobs_log_level: str = "WARNING"
    pool: str = "prefork"
    number: int = 0
    worker: Process | None = None
    cpu: list[float] = field(default_factory=list)  # ms of the worker for each job, one figure a round
    rates: list[float] = field(default_factory=list)  # jobs done in a second
    publishing: list[float] = field(default_factory=list)  # ms of CPU of the publisher

    @property
    def is_durable(self) -> bool:
        return self.task != "noop"

    def key(self, name: str) -> str:
        """Return the key in Redis: the project puts its name before each, and the peer does not."""
        return f"shop:{name}" if self.app == "shop" else name

    def url(self, environment: Environment) -> str:
        return urlsplit(environment.variables["REDIS_URL"])._replace(path=f"/{self.number}").geturl()

    def variables(self, environment: Environment) -> dict[str, str]:
        return {
            "REDIS_URL": self.url(environment),
            "DJANGO_SETTINGS_MODULE": f"{self.settings}_settings",
            "CELERY_APP": self.app,
            "JOBS_LOG_LEVEL": self.jobs_log_level,
        }


def ways() -> list[Way]:
    # Those that write into the database come last: it goes on for a while after them.
    made = [
        Way("plain, a line in the log for each job", "plain", jobs_log_level="INFO"),
        Way("plain", "plain"),
        Way("peer", "peer", app="peer", queue="celery"),
        Way("plain, in threads: no time limits", "plain", pool="threads"),
        Way("durable", "plain", task="noop_durable"),
        Way("durable, by @task", "plain", task="noop_function"),
        Way("plain, results in the Django database", "results"),
        Way("peer, results in the Django database", "peer_results", app="peer", queue="celery"),
    ]
    return _numbered(made)


def watched_ways() -> list[Way]:
    """Return a job with all observation, a line in JSON among it, and without any."""
    return _numbered(
        [
            Way("plain, watched", "plain", jobs_log_level="INFO"),
            Way("plain, nothing of it", "unwatched", jobs_log_level="INFO"),
            Way("durable, watched", "plain", task="noop_durable", jobs_log_level="INFO"),
            Way("durable, nothing of it", "unwatched", task="noop_durable", jobs_log_level="INFO"),
        ]
    )


def _numbered(made: list[Way]) -> list[Way]:
    for number, way in enumerate(made):
        way.number = number + 1  # a server has 16
    return made


def measure(
    environment: Environment, jobs: int, rounds: int, concurrency: int = 2, tried: list[Way] | None = None
) -> list[Way]:
    """Run so many jobs in each way in each round, and note what that took."""
    prepare(environment)
    tried = tried or ways()
    for way in tried:
        start(environment, way, concurrency)
        if way.is_durable:  # publishes again what a busy machine made time out
            beat = ("-m", "celery", "-A", way.app, "beat")
            environment.start(*beat, name="beat", **way.variables(environment))
    wait_until_they_work(environment, tried)
    warm_up = int(rounds > 1)  # rounds that do not count; a single one only shows that all of this works
    for way in tried * (warm_up + rounds):
        _run(environment, way, jobs)
    for way in tried:
        del way.cpu[:warm_up], way.rates[:warm_up], way.publishing[:warm_up]
    return tried


def wait_until_they_work(environment: Environment, tried: Iterable[Way]) -> None:
    """Wait until each has bound its queue, and not for a line of the log: one of them writes none."""
    for way in tried:
        with Connection(way.url(environment)) as connection, connection.channel() as channel:
            eventually(f"{way.name} consumes", partial(channel.client.keys, way.key("_kombu.binding.*")))


def ratio(way: Way, other: Way) -> float:
    """Return how much more worker CPU the other takes for a job: the median of the rounds' own ratios."""
    return median(theirs / ours for ours, theirs in zip(way.cpu, other.cpu, strict=True))


def prepare(environment: Environment) -> None:
    for name, text in (
        ("plain_settings", PLAIN),
        ("results_settings", PLAIN + RESULTS),
        ("unwatched_settings", PLAIN + UNWATCHED),
        ("peer_settings", PEER),
        ("peer_results_settings", PEER + RESULTS),
        ("peer", PEER_APP),
        ("peer_apps", PEER_APPS),
    ):
        (environment.project.path / f"{name}.py").write_text(text)
    environment.project.manage(
        "migrate", "-v", "0", **environment.variables | {"DJANGO_SETTINGS_MODULE": "results_settings"}
    )


def start(environment: Environment, way: Way, concurrency: int) -> None:
    """Start the worker of a way."""
    name = f"cost-{way.number}"
    way.worker = environment.start(*_command(way, concurrency), name=name, **way.variables(environment))


def _command(way: Way, concurrency: int) -> list[str]:
    own = ["manage.py", "worker", "fast", "--concurrency", str(concurrency)]
    celery = ["-m", "celery", "-A", way.app, "worker", "-l", "INFO", "-c", str(concurrency), "-n", "worker@%h"]
    if way.pool == "threads":
        chatter = ("--without-gossip", "--without-mingle")
        return [*celery, "-Q", "fast", "-P", "threads", "--prefetch-multiplier", "4", *chatter]
    return own if way.app == "shop" else celery


def _run(environment: Environment, way: Way, jobs: int) -> None:
    """Publish while the worker sleeps, so that it never waits for a job and does not share the cores."""
    assert way.worker
    pid = way.worker.popen.pid
    with _asleep(pid):
        publishing = environment.ask("load", way.task, str(jobs), **way.variables(environment))
        before = cpu_seconds(pid)
    begun = time.monotonic()
    with Connection(way.url(environment)) as connection, connection.channel() as channel:
        client = channel.client
        keys = way.key(way.queue), way.key("unacked")
        eventually("it is all taken", lambda: not (client.llen(keys[0]) + client.hlen(keys[1])), 120)
    if way.is_durable:
        environment.wait_until_finished(120)
    way.rates.append(jobs / (time.monotonic() - begun))
    time.sleep(0.5)  # what was acknowledged early is still being run
    way.cpu.append((cpu_seconds(pid) - before) / jobs * 1000)
    way.publishing.append(publishing / jobs * 1000)


@contextmanager
def _asleep(pid: int) -> Iterator[None]:
    """Stop the worker and its children where they are, until the block ends."""
    processes = [pid, *_children(pid)]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


def cpu_seconds(pid: int) -> float:
    """Return the CPU of a worker: of its main process, its children, and those that have ended."""
    return (sum(_times(pid)) + sum(sum(_times(child)[:2]) for child in _children(pid))) / TICK


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _times(pid: int) -> list[int]:
    """Return user and system time, own and of ended children, in ticks."""
    return [int(field) for field in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]]
