"""Test what a worker does about its processes when the broker comes back, and when one has ended."""

import os
from types import SimpleNamespace

import pytest

from djcelery_jobs.worker.process_pool import (
    LOOKS,
    drain_finished_results,
    replace_ended_processes,
    rewatch_lost_processes,
)


class Pool:
    """Hold a pool with one process, which writes its results into a pipe."""

    def __init__(self) -> None:
        self.results, self.write = os.pipe()
        os.set_blocking(self.results, False)
        self._fileno_to_outq = {self.results: "a process"}
        self.maintained = 0

    def maintain_pool(self) -> None:
        self.maintained += 1


@pytest.fixture
def pool():
    made = Pool()
    yield made
    os.close(made.results)


def test_a_process_that_celery_has_lost_sight_of_is_watched_again():
    lost, watched, new = SimpleNamespace(_sentinel_poll=None), SimpleNamespace(_sentinel_poll=7), SimpleNamespace()

    rewatch_lost_processes(SimpleNamespace(_pool=[lost, watched, new]))

    assert (vars(lost), vars(watched), vars(new)) == ({}, {"_sentinel_poll": 7}, {})


def test_what_ended_meanwhile_is_heard_before_the_loop_begins(pool):
    heard = []
    hub = SimpleNamespace(readers={})

    def rest():
        heard.append(os.read(pool.results, 1))
        yield

    def read(descriptor):
        heard.append(os.read(descriptor, 1))
        hub.readers[descriptor] = (rest(), ())

    hub.readers[pool.results] = (read, (pool.results,))
    os.write(pool.write, b"ab")
    drain_finished_results(pool, hub)

    assert heard == [b"a", b"b"]
    assert pool.maintained == 1


def test_a_process_that_is_gone_is_not_listened_to_for_ever(pool):
    os.close(pool.write)

    drain_finished_results(pool, SimpleNamespace(readers={}))

    assert pool.maintained == 1


@pytest.mark.parametrize("pool", [None, SimpleNamespace()])
def test_a_worker_without_processes_has_nothing_to_look_after(pool):
    rewatch_lost_processes(pool)
    drain_finished_results(pool, hub=None)


def test_after_each_look_for_an_ended_process_there_are_others(pool):
    timers = []
    hub = SimpleNamespace(call_later=lambda *timer: timers.append(timer))
    for _ in range(2):  # event loops
        replace_ended_processes(pool, hub)

    pool.maintain_pool()

    assert pool.maintained == 1
    assert timers[0][0] <= 0.05
    for _, look in timers:
        look()
    assert pool.maintained == 1 + len(timers) == 1 + len(LOOKS)


def test_a_pool_that_celery_does_not_watch_in_its_event_loop_is_left_alone():
    replace_ended_processes(SimpleNamespace(), hub=None)
