"""Test that what follows a durable job is dispatched in the transaction of its effect."""

import pytest
from celery import chain, group
from django.contrib.auth import get_user_model

from djcelery_jobs.models import Job, State
from tests.lib.durable_jobs import effects

pytestmark = pytest.mark.django_db

User = get_user_model()


def test_what_follows_a_plain_task_that_was_delivered_twice_is_one_job(add, task, broker, committed):
    def plain():
        """Do nothing."""

    first = task(plain)
    message = chain(first.si(), add.si("a"))
    message.freeze()
    for _ in range(2):
        with committed():
            add.apply_async(["a"], task_id=message.tasks[-1].id)
    broker.drain()

    assert effects() == ["a"]


def test_a_chord_is_refused(add):
    with pytest.raises(TypeError, match="cannot be in a chord"):
        add.apply_async(["a"], chord={"task": "x"})


def test_a_chain_goes_on_in_the_same_transaction(add, task, broker, committed):
    def last(name):
        User.objects.create(username=f"plain {name}")

    with committed():
        chain(add.si("a"), add.si("b"), task(last).s()).apply_async()
    with committed():
        broker.drain()
    broker.drain()

    assert effects() == ["a", "b", "plain b"]
    assert Job.objects.filter(state=State.DONE).count() == 2


def test_so_does_a_group_that_ends_a_chain(add, task, broker, committed):
    def last(name):
        User.objects.create(username=f"plain {name}")

    with committed():
        chain(add.si("a"), group(add.si("b"), chain(add.si("c"), add.si("d")), task(last).s())).apply_async()

    with committed():
        broker.drain()  # in here nothing that waits for a commit has happened yet
        assert effects() == ["a", "b", "c", "d"]
    broker.drain()
    assert effects() == ["a", "b", "c", "d", "plain a"]
