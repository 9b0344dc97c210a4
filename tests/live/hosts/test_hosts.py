"""Cables are cut and healed between hosts, one host joins and one dies: counts say what that cost."""

from __future__ import annotations

import pytest
from spread import partitions, spread


@pytest.mark.usefixtures("hosts_can_be_made")
def test_hosts_that_are_cut_off_lose_and_double_nothing(figure):
    with spread("redis") as shop:
        outcome, schedule = partitions(shop, longest=30, shortest=10, say=figure)

        figure(f"{shop.rig.name}, links cut, a host dead, one added: {outcome}, {schedule}")
        assert outcome.kept, outcome
        assert schedule.doubled == 0, schedule
        assert schedule.senders > 1, "no other beat has ever taken over: this test has shown nothing"
