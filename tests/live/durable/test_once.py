"""Six workers get the same messages, and transactions roll back."""

from __future__ import annotations

import pytest
from ground import ground
from once import deliver_at_once, roll_back

JOBS = 200


@pytest.mark.parametrize("database", ["postgres", "sqlite"])
def test_six_deliveries_at_once_have_one_effect(database):
    with ground("redis", database) as place:
        found = deliver_at_once(place, JOBS, deliveries=6)

    assert (found.done, found.effects, found.jobs_with_effect) == (JOBS, JOBS, JOBS)


@pytest.mark.parametrize(("broker", "database"), [("redis", "sqlite"), ("rabbitmq", "postgres")])
def test_a_transaction_that_rolls_back_sends_nothing(broker, database):
    with ground(broker, database) as place:
        assert roll_back(place, transactions=1000) == (0, 0)
