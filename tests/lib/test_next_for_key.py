"""Test that a dispatch with a key is never swallowed by a job that ran too early to see what the caller changed."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from djcelery_jobs.core.durable import DurableTask
from djcelery_jobs.core.relay import relay
from djcelery_jobs.models import Job, State
from tests.lib.durable_jobs import begin, effects, later

pytestmark = pytest.mark.django_db


def test_a_job_that_has_begun_is_followed_by_one_more(add, broker, committed):
    with committed():
        first = add.apply_async(["first"], key="k")
    begun = begin(Job.objects.get())
    with committed():
        second = add.apply_async(["second"], key="k")
        third = add.apply_async(["third"], key="k")

    assert second.id == third.id != first.id  # one more sees what both have changed
    assert Job.objects.get(pk=second.id).state == State.NEXT
    assert broker.waiting()["fast"] == 1

    # It waits as long as the first runs.
    Job.objects.filter(pk=second.id).update(publish_at=timezone.now())
    relay()
    assert Job.objects.get(pk=second.id).state == State.NEXT
    assert begun.pk.hex == Job.objects.get(pk=first.id).pk.hex

    broker.drain()
    assert effects() == ["first", "second"]
    assert set(Job.objects.values_list("state", "key")) == {(State.DONE, "k")}


def test_one_that_is_retried_is_not_followed(add, broker, committed):
    with committed():
        first = add.apply_async(["a", "transient"], key="k")
    broker.run_one()
    assert Job.objects.get().state == State.DELAYED
    with committed():
        assert add.apply_async(["a"], key="k").id == first.id


def test_the_next_runs_also_after_a_failure(add, broker, committed):
    with committed():
        add.apply_async(["first", "wrong"], key="k")
    begin(Job.objects.get())
    with committed():
        add.apply_async(["second"], key="k")
    broker.drain()

    assert effects() == ["second"]
    assert sorted(Job.objects.values_list("state", flat=True)) == [State.DEAD, State.DONE]


def test_a_key_that_was_taken_anew_is_waited_for(add, broker, committed):
    with committed():
        first = add.apply_async(["first"], key="k")
    begin(Job.objects.get())
    with committed():
        second = add.apply_async(["second"], key="k")
    Job.objects.filter(pk=first.id).update(state=State.DONE)
    later(10)
    # Meanwhile the next one would be returned; here somebody has a job with the key all the same.
    Job.objects.create(
        task=add.name, args=["third"], queue="fast", key="k", publish_at=timezone.now() + timedelta(hours=1)
    )

    relay()
    assert Job.objects.get(pk=second.id).state == State.NEXT


def test_a_next_job_of_another_task_is_refused(add, long, broker, committed):
    with committed():
        add.apply_async(["a"], key="k")
    begin(Job.objects.get())

    with pytest.raises(ValueError, match="Name the task"):
        long.apply_async(["a"], key="k")


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_no_worker_begins_it_before_the_caller_commits(add, broker):
    add.apply_async(["a"], key="k")
    begun = threading.Event()

    def work() -> None:
        try:
            assert begin(Job.objects.get())
            begun.set()
        finally:
            connection.close()

    worker = threading.Thread(target=work)
    with transaction.atomic():
        add.apply_async(["a"], key="k")
        worker.start()
        assert not begun.wait(1)
    assert begun.wait(5)
    worker.join()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_callers_with_the_same_keys_in_another_order_do_not_wait_for_each_other(add, broker):
    for key in ("k1", "k2"):
        add.apply_async([key], key=key)
    both, errors = threading.Barrier(2, timeout=10), []

    def dispatch(first: str, second: str) -> None:
        try:
            with transaction.atomic():
                add.apply_async([first], key=first)
                both.wait()
                add.apply_async([second], key=second)
        except Exception as error:  # noqa: BLE001
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=dispatch, args=keys) for keys in (("k1", "k2"), ("k2", "k1"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert Job.objects.count() == 2


def test_a_key_whose_jobs_are_gone_is_free(add, broker, committed, task):
    def other() -> None:
        """Do nothing."""

    with committed():
        add.apply_async(["a"], key="k")
    broker.drain()
    with committed():
        task(other, base=DurableTask).apply_async(key="k")
    broker.drain()

    assert set(Job.objects.values_list("state", flat=True)) == {State.DONE}
