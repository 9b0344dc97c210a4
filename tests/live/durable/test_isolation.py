"""Test that short jobs do not wait behind long ones, as they do where one worker reads one queue."""

from __future__ import annotations

from tests.live.durable.isolation import saturate, start_both
from tests.live.harness.environment import running_environment


def test_short_jobs_are_done_while_long_ones_wait():
    with running_environment("redis", "sqlite") as environment:
        start_both(environment)
        waits = saturate(environment, seconds=10, every=0.2, long=2)

    assert waits["together"].at(0.99) > 20 * waits["apart"].at(0.99)
