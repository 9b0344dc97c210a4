"""Test that a durable job has its effect once, however often it is delivered, and none runs beside itself."""

import pytest
from django.contrib.auth import get_user_model

from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.core import ledger
from djcelery_jobs.core.durable import DurableTask
from djcelery_jobs.core.relay import relay
from djcelery_jobs.models import Job, State, job_id
from tests.lib.durable_jobs import begin, deliver, effects, later, the_job

pytestmark = pytest.mark.django_db

User = get_user_model()


def test_a_message_that_came_without_a_row_gets_one(add, broker, committed):
    broker.app.send_task(add.name, ["a"], queue="fast")
    broker.drain()

    assert (effects(), the_job().state) == (["a"], State.DONE)


def test_an_id_of_ones_own_making_is_one_job(add, broker, committed):
    for _ in range(2):
        broker.app.send_task(add.name, ["a"], queue="fast", task_id="my-own")
    broker.drain()

    assert (effects(), the_job().pk, the_job().state) == (["a"], job_id("my-own"), State.DONE)


def test_a_task_that_calls_itself_does_so_in_one_job(task, broker, committed):
    def down(number):
        User.objects.create(username=str(number))
        if number:
            made(number - 1)

    made = task(down, base=DurableTask)
    with committed():
        made.delay(2)
    broker.drain()

    assert effects() == ["0", "1", "2"]
    assert the_job().state == State.DONE


def test_delivered_again_ends_quietly(add, broker, committed):
    with committed():
        add.delay("a")
    broker.drain()

    deliver(the_job())

    assert effects() == ["a"]


def test_killed_in_the_middle_leaves_nothing_and_runs_again(add, broker, committed):
    with committed():
        add.delay("a", fail="killed")
    with pytest.raises(KeyboardInterrupt):
        deliver(the_job())
    assert effects() == []
    assert (the_job().state, the_job().starts) == (State.WAITING, 1)

    later(10)
    Job.objects.update(kwargs={})
    deliver(the_job())

    assert effects() == ["a"]
    assert the_job().state == State.DONE


def test_a_run_that_has_just_begun_is_not_disturbed(add, broker, committed):
    with committed():
        add.delay("a")
    begin(the_job(), one_transaction=True)

    deliver(the_job())
    assert effects() == []

    later(jobs_settings.JUST_BEGUN + 1)  # it was killed before it took the lock
    assert relay() == 1
    broker.drain()
    assert effects() == ["a"]


def test_a_long_task_is_left_alone_until_it_must_be_dead(long, broker, committed):
    with committed():
        long.delay("a")
    begin(the_job(), one_transaction=False)

    deliver(the_job())
    assert effects() == []
    later(1000)
    deliver(the_job())
    assert effects() == ["a"]


def test_a_long_task_runs_again_when_the_broker_says_that_its_process_is_gone(long, broker, committed):
    with committed():
        long.delay("a")
    begin(the_job(), one_transaction=False)

    # A copy that the relay sent: that its process is gone says nothing about the run, which is another message's.
    deliver(the_job(), redelivered=True, message_id="2")
    assert effects() == []

    deliver(the_job(), redelivered=True)
    assert effects() == ["a"]


def test_the_same_holds_for_a_run_that_is_not_the_first(long, broker, committed):
    with committed():
        long.delay("a")
    begin(the_job(), one_transaction=False)
    later(1000)
    begin(the_job(), one_transaction=False, message_id="2")

    deliver(the_job(), redelivered=True)
    assert effects() == []

    deliver(the_job(), redelivered=True, message_id="2")
    assert effects() == ["a"]


def test_each_message_of_a_job_has_an_id_of_its_own(add, broker, committed):
    with committed():
        add.delay("a")
    ledger.publish_now([the_job().pk])
    assert relay() == 1

    with broker.app.connection_for_read() as connection:
        queue = broker.app.amqp.queues[the_job().queue](connection.default_channel)
        ids = {queue.get().properties["message_id"] for _ in range(2)}

    assert len(ids) == 2


def test_the_row_keeps_the_id_of_the_message_that_a_worker_took(add, broker, committed):
    with committed():
        add.delay("a")

    broker.drain()

    assert len(the_job().message_id) == 36


def test_a_run_that_the_worker_ended_itself_does_not_count(add, broker, committed):
    with committed():
        add.delay("a")
    begin(the_job(), worker="fast-1")

    ledger.release([the_job().pk], worker="fast-1")
    assert the_job().starts == 0

    assert relay() == 1
    broker.drain()
    assert effects() == ["a"]


def test_a_worker_that_gives_back_late_does_not_touch_the_run_of_another(add, broker, committed):
    with committed():
        add.delay("a")
    begin(the_job(), worker="fast-1")
    later(jobs_settings.JUST_BEGUN + 1)
    begin(the_job(), worker="fast-2")

    ledger.release([the_job().pk], worker="fast-1")

    assert the_job().starts == 2
    assert the_job().started_at is not None
