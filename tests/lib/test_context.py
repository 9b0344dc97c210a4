"""Test that a running job knows who caused it, whichever way it came."""

import pytest
from celery import chain
from structlog.contextvars import bind_contextvars, bound_contextvars, clear_contextvars, get_contextvars

from djcelery_jobs.core.durable import DurableTask
from djcelery_jobs.models import Job
from djcelery_jobs.telemetry import context


class Seen(list):
    """Keep what tasks saw: name, request id and attempt of each run."""

    def __init__(self, make_task):
        self.make_task = make_task

    def task(self, name, *, fails_first=False, **options):
        def notes() -> None:
            self.append((name, get_contextvars().get("request_id"), context.running()["attempt"]))
            if fails_first and not context.current_request().retries:
                raise ConnectionError

        notes.__name__ = name
        return self.make_task(notes, **options)


@pytest.fixture
def seen(task):
    return Seen(task)


@pytest.fixture
def in_request():
    """Run the block as django-structlog's middleware does."""
    return lambda: bound_contextvars(request_id="the-request")


def test_retries_and_chains_know_the_request(seen, broker, in_request):
    first, second = seen.task("first", fails_first=True), seen.task("second")

    with in_request():
        chain(first.si(), second.si()).delay()
    broker.drain()

    assert seen == [("first", "the-request", 1), ("first", "the-request", 2), ("second", "the-request", 1)]


def test_a_durable_job_knows_the_request_also_when_the_relay_sends_it(seen, broker, in_request, committed):
    with committed(), in_request():
        seen.task("kept", base=DurableTask, fails_first=True).delay()
    broker.clear()  # the broker has lost it
    broker.drain()

    assert seen == [("kept", "the-request", 1), ("kept", "the-request", 2)]


def test_a_run_of_the_schedule_names_its_entry(seen, broker):
    nightly = seen.task("nightly")
    for _ in range(2):
        with context.caused_by_entry("nightly"):
            nightly.delay()
    broker.drain()

    one, other = (request_id for _, request_id, _ in seen)
    assert one.startswith("beat:nightly:")
    assert other.startswith("beat:nightly:")
    assert one != other


def test_only_what_a_message_can_hold_goes_along(seen, broker, committed):
    with committed(), bound_contextvars(request_id="the-request", connection=object(), customer=7):
        seen.task("kept", base=DurableTask).delay()

    assert Job.objects.get().options["context"] == {"request_id": "the-request", "customer": 7}


def test_a_job_leaves_nothing_behind_in_its_thread(seen, broker, in_request):
    clear_contextvars()
    bind_contextvars(thread="of the worker")
    with in_request():
        seen.task("works").delay()
    broker.drain()

    assert dict(get_contextvars()) == {"thread": "of the worker"}
    clear_contextvars()


@pytest.mark.parametrize(
    ("key", "queue"), [("fast", "fast"), ("0.0.1.fast", "fast"), (None, "")], ids=["plain", "delayed", "unknown"]
)
def test_the_queue_of_a_job(key, queue):
    assert context.queue_of(context.Context(delivery_info={"routing_key": key})) == queue
