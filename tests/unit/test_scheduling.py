"""Test that tests that share servers run in the same process, and all others wherever there is room."""

from __future__ import annotations

from collections import OrderedDict
from types import SimpleNamespace

import pytest

from tests.scheduling import SharedServers, fills_gaps, scope


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("tests/live/dev/test_beat.py::test_it[redis]", "tests/live/dev/test_orders.py::test_that[slow-redis]"),
        ("tests/live/durable/test_plans.py::test_it[search]", "tests/live/durable/test_plans.py::test_it[relay]"),
        ("tests/corpus/test_recall.py::test_it", "tests/corpus/test_precision.py::test_it"),
        ("tests/docs/test_site.py::test_it", "tests/docs/test_site.py::test_that"),
    ],
)
def test_together(one, other):
    assert scope(one) == scope(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("tests/live/dev/test_beat.py::test_it[redis]", "tests/live/dev/test_beat.py::test_it[rabbitmq]"),
        ("tests/live/dev/test_beat.py::test_it[redis]", "tests/live/tls/test_tls.py::test_it[redis]"),
        ("tests/live/durable/test_outage.py::test_it[redis]", "tests/live/durable/test_dispatch.py::test_it[redis]"),
        (
            "tests/live/logs/test_traces.py::test_it[redis-prefork]",
            "tests/live/logs/test_traces.py::test_it[redis-threads]",
        ),
        ("tests/unit/test_main.py::test_it", "tests/unit/test_main.py::test_that"),
        ("tests/lib/test_redis.py::test_it[redis]", "tests/lib/test_redis.py::test_that[redis]"),
    ],
)
def test_apart(one, other):
    assert scope(one) != scope(other)


def test_one_process_of_many_begins_with_the_quick_tests():
    assert [fills_gaps(f"gw{number}", 5) for number in range(5)] == [False] * 4 + [True]
    assert not any(fills_gaps(f"gw{number}", 2) for number in range(2))


class Node:
    """Stand in for a process that tests are sent to."""

    def __init__(self, name: str) -> None:
        self.gateway = SimpleNamespace(id=name)
        self.sent: list[int] = []

    def send_runtest_some(self, indices: list[int]) -> None:
        self.sent += indices


def test_it_takes_the_tests_from_the_end_and_the_others_from_the_start():
    nodes = [Node("gw0"), Node("gw1"), Node("gw2")]
    scheduling = SharedServers.__new__(SharedServers)
    scheduling.numnodes, scheduling.assigned_work = len(nodes), {}
    tests = [f"tests/unit/test_main.py::test_{number}" for number in range(6)]
    scheduling.workqueue = OrderedDict((test, {test: False}) for test in tests)
    scheduling.registered_collections = dict.fromkeys(nodes, tests)
    for node in nodes * 2:
        scheduling._assign_work_unit(node)
    assert [node.sent for node in nodes] == [[0, 2], [1, 3], [5, 4]]
    assert not scheduling.workqueue
