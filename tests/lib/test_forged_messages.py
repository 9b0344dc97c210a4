"""Test that a message decides neither what a durable job does nor whose row it is: the row does."""

import uuid

import pytest
from celery import Signature, current_app

from djcelery_jobs.core import dead_letters
from djcelery_jobs.core.durable import DurableTask
from djcelery_jobs.models import Job, State
from tests.lib.durable_jobs import effects, the_job

pytestmark = pytest.mark.django_db


def run_message(task, job: Job, *args: object, **request: object) -> None:
    """Do what a worker does with a message that has the job's id, whatever else it says."""
    info = {"redelivered": False, "routing_key": job.queue}
    task.push_request(
        id=str(job.pk), called_directly=False, delivery_info=info, retries=0, properties={"message_id": "1"}, **request
    )
    try:
        task(*args)
    finally:
        task.pop_request()


@pytest.mark.parametrize("args", [["forged"], ["forged\0"], [float("nan")]])
def test_the_rows_arguments_are_used(add, broker, committed, args):
    with committed():
        add.delay("a")

    run_message(add, the_job(), *args)

    assert (effects(), the_job().state, the_job().args) == (["a"], State.DONE, ["a"])


@pytest.mark.parametrize("part", ["callbacks", "chain"])
def test_what_follows_is_the_rows(add, broker, committed, part):
    with committed():
        add.apply_async(["a"], link=add.si("its own"))

    with committed():
        run_message(add, Job.objects.get(args=["a"]), "a", **{part: [add.si("forged")]})
    broker.drain()

    assert effects() == ["a", "its own"]


def test_what_the_row_says_follows_also_when_the_message_says_nothing(add, broker, committed):
    with committed():
        add.apply_async(["a"], link=add.si("its own"))

    with committed():
        run_message(add, Job.objects.get(args=["a"]), "a")
    broker.drain()

    assert effects() == ["a", "its own"]


def test_what_follows_a_job_that_was_sent_by_name_is_kept_in_its_row(add, broker, committed):
    current_app.send_task(add.name, ["a"], queue="fast", link=add.si("b"), chain=[add.si("c")])
    with committed():
        broker.drain()
    broker.drain()

    assert sorted(effects()) == ["a", "b", "c"]


def test_a_follower_of_another_program_is_sent_by_its_name(add, broker, committed):
    with committed():
        add.apply_async(["a"], link=Signature("a.task.of.another.program", queue="slow"))
    with committed():
        broker.drain()

    assert (effects(), the_job().state) == (["a"], State.DONE)


def test_a_message_of_another_task_runs_nothing(add, task, broker, committed, caplog):
    def transfer(name: str) -> None:
        ran.append(name)

    ran: list[str] = []
    other = task(transfer, base=DurableTask)
    with committed():
        add.delay("a")

    run_message(other, the_job(), "a")
    assert (ran, effects(), the_job().state, the_job().task) == ([], [], State.WAITING, add.name)
    assert "has the id of a job of tests.add" in caplog.text

    broker.drain()
    assert effects() == ["a"]


def test_one_that_was_sent_by_name_neither(add, task, broker, committed):
    def transfer(name: str) -> None:
        ran.append(name)

    ran: list[str] = []
    task(transfer, base=DurableTask)
    with committed():
        add.delay("a")
    current_app.send_task("tests.transfer", ["forged"], queue="fast", task_id=str(the_job().pk))
    broker.drain()

    assert (ran, effects(), the_job().state) == ([], ["a"], State.DONE)


def test_a_failure_under_the_id_of_another_job_leaves_its_row_alone(add, broker, committed):
    with committed():
        add.delay("a")
    before = Job.objects.values().get()

    dead_letters.keep("some.plain", str(before["id"]), ["forged"], {}, "ValueError")

    assert Job.objects.filter(pk=before["id"]).values().get() == before
    assert Job.objects.exclude(pk=before["id"]).get().state == State.DEAD


def test_a_plain_job_that_fails_again_has_one_row(broker):
    task_id = str(uuid.uuid4())
    for error in ("first", "second"):
        dead_letters.keep("some.plain", task_id, [], {}, error)

    assert (the_job().error, str(the_job().pk)) == ("second", task_id)
