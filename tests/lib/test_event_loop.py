"""Test that a worker's event loop asks the system only for what changes something."""

import os
from types import SimpleNamespace

import pytest
from celery.worker import components
from kombu.asynchronous import get_event_loop, set_event_loop
from kombu.utils.eventio import ERR, READ, WRITE

from djcelery_jobs.worker.broker_connection import BrokerConnection
from djcelery_jobs.worker.event_loop import EventLoop


@pytest.fixture
def pipe():
    ends = os.pipe()
    yield SimpleNamespace(out=ends[0], into=ends[1])
    for end in ends:
        os.close(end)


@pytest.fixture
def loop():
    loop = EventLoop()
    yield loop
    loop.close()


@pytest.mark.parametrize("consolidate", [False, True])
def test_a_writer_that_is_removed_is_not_waited_for(loop, pipe, consolidate):
    loop.add(pipe.into, None if consolidate else print, WRITE | ERR, consolidate=consolidate)
    assert [fd for fd, _ in loop.poller.poll(0)] == [pipe.into]

    loop.remove_writer(pipe.into)
    assert loop.poller.poll(0) == []
    assert (loop.writers, loop.consolidate) == ({}, set())


def test_a_writer_that_is_a_file_is_removed_too(loop, pipe):
    with open(pipe.into, "wb", closefd=False) as file:
        loop.add_writer(file, print)
        loop.remove_writer(file)

    assert loop.poller.poll(0) == []


def test_nobody_is_asked_about_what_is_not_waited_for(loop, pipe, monkeypatch):
    loop.add_reader(pipe.out, print)
    asked = []
    monkeypatch.setattr(loop, "_unregister", asked.append)

    loop.remove_writer(pipe.into)
    loop.remove_writer(pipe.out)

    monkeypatch.undo()
    assert asked == []
    os.write(pipe.into, b"x")
    assert [(fd, bool(event & READ)) for fd, event in loop.poller.poll(0)] == [(pipe.out, True)]


def test_a_worker_runs_it(monkeypatch):
    monkeypatch.setattr(components.Hub, "_patch_thread_primitives", lambda *args: None)
    before = get_event_loop()
    set_event_loop(None)
    worker = SimpleNamespace(_conninfo=BrokerConnection("memory://"), timer=SimpleNamespace(), steps=[])
    try:
        components.Hub(worker).create(worker)
    finally:
        set_event_loop(before)

    assert isinstance(worker.hub, EventLoop)
    assert worker.hub.timer is worker.timer
