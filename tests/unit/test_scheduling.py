"""Test that tests that share servers run in the same process, and all others wherever there is room."""

from __future__ import annotations

import pytest

from tests.scheduling import scope


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
