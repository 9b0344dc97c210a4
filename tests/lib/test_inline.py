"""Test durable tasks that run inline: in eager mode, by apply() and as plain functions."""

import pytest

from djcelery_jobs.models import Job, State
from tests.lib.durable_jobs import effects, the_job

pytestmark = pytest.mark.django_db


def test_inline_it_runs_at_commit(add, committed):
    with committed():
        add.delay("a")
        assert effects() == []

    assert effects() == ["a"]
    assert the_job().state == State.DONE


def test_inline_a_failure_is_raised(add, committed):
    with pytest.raises(ValueError, match="a"), committed():
        add.delay("a", fail="wrong")
    assert the_job().state == State.DEAD


@pytest.mark.parametrize("how", [lambda task: task, lambda task: task.s()], ids=["task", "signature"])
def test_applied_it_runs_here_and_now_without_a_job(add, broker, how):
    assert how(add).apply(["a"]).get() == "a"
    assert how(add).apply(["b", "wrong"], throw=False).state == "FAILURE"
    assert how(add).apply(["c"], task_id="my-own").get() == "c"

    assert effects() == ["a", "c"]
    assert not Job.objects.exists()


def test_called_as_a_function_it_is_a_transaction_without_a_job(add):
    with pytest.raises(ValueError, match="a"):
        add("a", fail="wrong")
    add("b")

    assert effects() == ["b"]
    assert not Job.objects.exists()
