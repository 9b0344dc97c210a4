"""Test that a test asserts what was dispatched, and is told what was dispatched instead."""

import pytest
from django.db import transaction

from djcelery_jobs.pytest_fixtures import assert_dispatched  # noqa: F401
from djcelery_jobs.testing import record_dispatches

pytestmark = pytest.mark.django_db


@pytest.fixture
def plain(task):
    def plain(number: int, colour: str = "") -> None:
        """Do nothing."""

    return task(plain)


@pytest.mark.parametrize("which", ["add", "plain"])
@pytest.mark.parametrize("inline", [True, False])
def test_what_was_dispatched_is_found(request, which, inline, committed):
    if not inline:
        request.getfixturevalue("broker")
    task = request.getfixturevalue(which)
    argument = "a" if which == "add" else 7
    with record_dispatches() as dispatches, committed():
        task.delay(argument)

    [found] = dispatches.assert_dispatched(task, args=[argument], kwargs={}, queue="fast", count=1)
    assert found.task == task.name
    dispatches.assert_dispatched(task.name)


@pytest.mark.parametrize(
    "wanted", [{"args": [8]}, {"kwargs": {"colour": "red"}}, {"queue": "slow"}, {"count": 2}, {"count": 0}]
)
def test_what_was_not_is_told(plain, broker, wanted):
    with record_dispatches() as dispatches:
        plain.delay(7, colour="blue")

    with pytest.raises(AssertionError) as error:
        dispatches.assert_dispatched(plain, **wanted)
    message = str(error.value)
    assert "tests.plain(7, colour='blue') to the queue fast" in message
    [(name, value)] = wanted.items()
    assert f"{name}={value!r}" in message or f"Expected {value} job" in message


def test_what_rolled_back_was_not_dispatched(add, broker):
    with record_dispatches() as dispatches, transaction.atomic():
        add.delay("a")
        transaction.set_rollback(True)

    dispatches.assert_dispatched(add, count=0)
    with pytest.raises(AssertionError, match="Dispatched in all:\n  nothing"):
        dispatches.assert_dispatched(add)


def test_what_came_before_and_after_does_not_count(add, plain, broker):
    add.delay("a")
    plain.delay(1)
    with record_dispatches() as dispatches:
        pass
    plain.delay(2)

    assert dispatches.all() == []


def test_a_delay_and_its_arguments_are_those_of_the_caller(add, broker):
    with record_dispatches() as dispatches:
        add.apply_async(["a"], {"fail": ""}, countdown=60, queue="slow")

    [found] = dispatches.assert_dispatched(add, kwargs={"fail": ""}, queue="slow")
    assert str(found) == "tests.add('a', fail='') to the queue slow"


def test_the_fixture(add, broker, assert_dispatched):  # noqa: F811  the name of a fixture
    add.delay("a")
    assert_dispatched(add, args=["a"], count=1)
