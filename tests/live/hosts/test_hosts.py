"""Cut and heal the links between hosts, add a host and end one: no job is lost or doubled."""

from __future__ import annotations

import pytest

from tests.live.hosts.hosts import partitions, running_hosts


@pytest.mark.usefixtures("hosts_can_be_made")
def test_hosts_that_are_cut_off_lose_and_double_nothing(figure):
    with running_hosts("redis") as hosts:
        outcome, schedule = partitions(hosts, longest=20, shortest=10, say=figure)

        figure(f"{hosts.environment.name}, links cut, a host dead, one added: {outcome}, {schedule}")
        assert outcome.is_intact, outcome
        assert schedule.doubled == 0, schedule
        assert schedule.senders > 1, "no other beat has ever taken over: this test has shown nothing"
