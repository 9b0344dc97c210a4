"""Ask a web process what it cannot reach: it answers within a second, and says when it is back."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.live.harness.processes import PROC, eventually
from tests.live.harness.servers import PostgreSQL

SECONDS = 3  # the promise is 1; the rest is for a machine that does other things too
ALL_OK = {"status": "ok", "database": "ok", "broker": "ok"}


@contextmanager
def frozen(pids: set[int]) -> Iterator[None]:
    """Let them answer nothing. The kernel still accepts connections."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):  # it was about to end
                os.kill(pid, signal.SIGCONT)


def server_of(database: PostgreSQL) -> set[int]:
    """Return the processes of a server."""
    first = int((database.folder / "data" / "postmaster.pid").read_text().split()[0])
    statuses = [(int(folder.name), folder / "stat") for folder in PROC.glob("[0-9]*")]
    return {first} | {pid for pid, stat in statuses if _parent(stat) == first}


def _parent(stat: Path) -> int:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except OSError:  # it has ended
        return 0


def answers_soon(site, part: str, words: set[str]) -> None:
    """Ask ten times, also while earlier questions wait in vain."""
    answers = [site.get("/health/ready") for _ in range(10)]
    for answer in answers:
        assert answer.status == 503
        assert answer.json == {**ALL_OK, "status": "down", part: answer.json[part]}
        assert answer.json[part] in words
    assert max(answer.seconds for answer in answers) < SECONDS


def back(site) -> None:
    eventually("ready again", lambda: site.get("/health/ready").status == 200, 30)
    assert site.get("/health/ready").json == ALL_OK


@pytest.fixture
def site(environment, web):
    site = web()
    back(site)
    return site


def test_the_broker_is_killed(environment, site):
    environment.broker.kill()
    try:
        eventually("down", lambda: site.get("/health/ready").status == 503, 10)
        answers_soon(site, "broker", {"down"})
    finally:
        environment.broker.start()
    back(site)


def test_the_broker_is_frozen(environment, site):
    with frozen({environment.broker.process.popen.pid, *environment.broker.process.family()}):
        answers_soon(site, "broker", {"no answer", "down"})
        assert site.metrics()[("jobs_broker_up",)] == 0
    back(site)


def test_the_database_is_frozen(environment, site):
    with frozen(server_of(environment.database)):
        answers_soon(site, "database", {"no answer", "down"})
        assert site.get("/metrics", Authorization="Bearer token").status == 503
        assert site.get("/health/live").status == 200
    back(site)


def test_the_database_is_killed(environment, site):
    environment.database.stop()
    try:
        answers_soon(site, "database", {"down"})
    finally:
        environment.database.start()
    back(site)
