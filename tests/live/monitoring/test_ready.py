"""A web process says within a second what it cannot reach, and that it can again."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from processes import PROC, eventually
from targets import PostgreSQL

SECONDS = 1.5  # the promise is 1; the rest is for a machine that does other things too
ALL_OK = {"status": "ok", "database": "ok", "broker": "ok"}


@contextmanager
def frozen(pids: set[int]) -> Iterator[None]:
    """They accept connections, by the kernel at least, and answer nothing."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def server_of(database: PostgreSQL) -> set[int]:
    """Its first process; the others are its children."""
    first = int((database.folder / "data" / "postmaster.pid").read_text().split()[0])
    statuses = [(int(folder.name), folder / "stat") for folder in PROC.glob("[0-9]*")]
    return {first} | {pid for pid, stat in statuses if _parent(stat) == first}


def _parent(stat: Path) -> int:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except OSError:  # it has ended
        return 0


def told_within_a_second(site, part: str, words: set[str]) -> None:
    """Each of ten questions, also of those asked while earlier ones wait in vain."""
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
def site(place, web):
    site = web()
    back(site)
    return site


def test_the_broker_is_killed(place, site):
    place.broker.kill()
    eventually("down", lambda: site.get("/health/ready").status == 503, 10)
    told_within_a_second(site, "broker", {"down"})

    place.broker.start()
    back(site)


def test_the_broker_is_frozen(place, site):
    with frozen({place.broker.process.popen.pid, *place.broker.process.family()}):
        told_within_a_second(site, "broker", {"no answer", "down"})
        assert site.metrics()[("jobs_broker_up",)] == 0
    back(site)


def test_the_database_is_frozen(place, site):
    with frozen(server_of(place.database)):
        told_within_a_second(site, "database", {"no answer", "down"})
        assert site.get("/metrics", Authorization="Bearer token").status == 503
        assert site.get("/health/live").status == 200
    back(site)


def test_the_database_is_killed(place, site):
    place.database.stop()
    told_within_a_second(site, "database", {"down"})
    place.database.start()
    back(site)
