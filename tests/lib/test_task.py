"""Test the base class: what is retried, and how often a task may come back after killing its worker."""

from types import SimpleNamespace

import pytest
from celery.exceptions import Reject

from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.core.task import JobTask
from djcelery_jobs.models import Redelivery


@pytest.fixture
def flaky(task):
    """Return a task that fails with the named error, and counts its runs."""

    def flaky(error: str) -> None:
        made.runs += 1
        raise {"transient": ConnectionResetError, "wrong": ValueError}[error]("no luck")

    made = task(flaky)
    made.runs = 0
    return made


def test_a_transient_error_is_retried_within_its_bound(flaky, broker):
    flaky.delay("transient")

    ran = broker.drain()

    assert len(ran) == flaky.runs == 1 + flaky.max_retries
    assert [run.headers["retries"] for run in ran] == list(range(len(ran)))


def test_the_wait_between_retries_grows_and_is_spread(flaky, broker, monkeypatch):
    asked = []
    monkeypatch.setattr("celery.app.autoretry.get_exponential_backoff_interval", lambda **how: asked.append(how) or 0)
    flaky.delay("transient")
    broker.drain()

    assert [how["retries"] for how in asked] == list(range(flaky.max_retries + 1))
    assert all(how["full_jitter"] and how["maximum"] == flaky.retry_backoff_max for how in asked)


def test_what_cannot_succeed_fails_once(flaky, broker):
    flaky.delay("wrong")

    assert len(broker.drain()) == 1


def deliver(redelivered: bool) -> None:
    request = SimpleNamespace(delivery_info={"redelivered": redelivered})
    JobTask.before_start(SimpleNamespace(request=request, name="tests.killer"), "an-id", ("secret",), {})


def test_a_task_that_kills_its_worker_is_given_up(db, caplog):
    for _ in range(jobs_settings.MAX_REDELIVERIES):
        deliver(redelivered=True)

    with pytest.raises(Reject) as rejection:
        deliver(redelivered=True)

    assert rejection.value.requeue is False
    assert "gave up" in caplog.text
    assert "secret" not in caplog.text
    assert Redelivery.objects.get().count_so_far == jobs_settings.MAX_REDELIVERIES + 1


def test_a_first_delivery_costs_no_query(django_assert_num_queries, db):
    with django_assert_num_queries(0):
        deliver(redelivered=False)


def test_what_is_not_json_is_refused_when_publishing(flaky, broker):
    with pytest.raises(Exception, match="not JSON serializable"):
        flaky.delay(object())
