"""Test six workers that get the same messages, and transactions that roll back."""

from __future__ import annotations

import pytest

from tests.live.durable.exactly_once import deliver_at_once, roll_back
from tests.live.harness.environment import running_environment

JOBS = 200


@pytest.mark.parametrize("database", ["postgres", "sqlite"])
def test_six_deliveries_at_once_have_one_effect(database):
    with running_environment("redis", database) as environment:
        found = deliver_at_once(environment, JOBS, deliveries=6)

    assert (found.done, found.effects, found.jobs_with_effect) == (JOBS, JOBS, JOBS)


@pytest.mark.parametrize(("broker", "database"), [("redis", "sqlite"), ("rabbitmq", "postgres")])
def test_a_transaction_that_rolls_back_sends_nothing(broker, database):
    with running_environment(broker, database) as environment:
        assert roll_back(environment, transactions=1000) == (0, 0)
