"""Test that a job that failed for good says so once; one that is tried again does not."""

import logging
import pickle
from datetime import timedelta

import pytest
from celery import current_app
from celery.exceptions import Retry, TimeLimitExceeded
from django.utils import timezone

from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.core.durable import DurableTask
from djcelery_jobs.core.failures import record
from djcelery_jobs.core.relay import relay
from djcelery_jobs.core.task import GivenUpMessage
from djcelery_jobs.models import Job, Redelivery, State
from tests.lib.durable_jobs import the_job


@pytest.fixture
def failures(caplog):
    """Return the lines of the logger that alerts look at."""
    return lambda: [line for line in caplog.records if line.name == "djcelery_jobs.failure"]


def test_a_failure_leaves_one_line_without_the_arguments(failures, task, db):
    def fails(secret: str) -> None:
        raise ValueError(secret)

    task(fails).apply(args=["hidden"], task_id="the-id", throw=False)

    [line] = failures()
    assert line.getMessage() == "task_failure"
    assert (line.levelno, line.task_id, line.task, line.error) == (logging.ERROR, "the-id", "tests.fails", "ValueError")
    assert line.exc_info[0] is ValueError
    assert Job.objects.get().error_class == "builtins.ValueError"


def test_a_retry_is_no_failure(failures, task, broker):
    def wobbles() -> None:
        if wobbly.request.retries < 2:
            raise ConnectionError

    wobbly = task(wobbles)
    wobbly.delay()

    assert [isinstance(ran.result, Retry) for ran in broker.drain()] == [False] * 3
    assert failures() == []


def test_a_durable_job_that_was_cut_off_is_tried_again(failures, task, db):
    def hangs() -> None: ...

    record(task(hangs, base=DurableTask), "the-id", TimeLimitExceeded(10), [], {})

    [line] = failures()
    assert (line.getMessage(), line.levelno) == ("task_cut_off", logging.WARNING)


def test_a_plain_job_that_was_cut_off_has_failed(failures, task, db):
    def hangs() -> None: ...

    record(task(hangs), "the-id", TimeLimitExceeded(10), [], {})

    [line] = failures()
    assert (line.getMessage(), line.error, line.exc_info) == ("task_failure", "TimeLimitExceeded", None)
    assert Job.objects.get().state == State.DEAD


def test_a_job_that_was_cut_off_too_often_fails_as_any_other(failures, task, broker, committed):
    def kills() -> None: ...

    def on_error(request, error, traceback) -> None:
        told.append(str(error))

    told: list[str] = []
    task(on_error)
    with committed():
        job = task(kills, base=DurableTask).apply_async(link_error=current_app.tasks["tests.on_error"].s())
    Job.objects.update(starts=jobs_settings.MAX_REDELIVERIES + 1)

    broker.run_one()

    [line] = failures()
    assert (line.getMessage(), line.task_id, line.error) == ("task_failure", job.id, "GivenUpError")
    assert told == [the_job().error] == ["Its process died 4 times while it ran."]
    assert (the_job().state, the_job().error_class) == (State.DEAD, "celery.exceptions.WorkerLostError")


def copied(error: Exception) -> Exception:
    """Return what a worker's main process gets of an error in a child."""
    return pickle.loads(pickle.dumps(error))  # noqa: S301  our own


def test_a_plain_job_that_was_given_up_keeps_the_reason(failures, task, db):
    def kills() -> None: ...

    made = task(kills)
    Redelivery.objects.create(task_id="the-id", task=made.name, count_so_far=jobs_settings.MAX_REDELIVERIES)
    made.push_request(id="the-id", delivery_info={"redelivered": True})
    try:
        made.before_start("the-id", (), {})
    except GivenUpMessage as error:
        record(made, "the-id", copied(error), [], {})
    finally:
        made.pop_request()

    [line] = failures()
    assert (line.getMessage(), line.task_id) == ("task_failure", "the-id")
    assert Job.objects.get().error == "Its worker died 4 times while it ran."


def test_a_job_of_a_task_that_is_gone_says_so(failures, db, committed):
    job = Job.objects.create(task="tests.gone", queue="fast", publish_at=timezone.now())
    Job.objects.update(created_at=timezone.now() - timedelta(seconds=2 * jobs_settings.DEPLOY_WAIT))

    with committed():
        relay()

    [line] = failures()
    assert (line.getMessage(), line.task_id) == ("task_failure", str(job.pk))
    assert line.error == "No task is called tests.gone."
