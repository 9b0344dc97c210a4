"""Short jobs do not wait behind long ones, as they do where one worker reads one queue."""

from __future__ import annotations

from ground import ground
from isolation import saturate, start_both


def test_short_jobs_are_done_while_long_ones_wait():
    with ground("redis", "sqlite") as place:
        start_both(place)
        waits = saturate(place, seconds=10, every=0.2, long=2)

    assert waits["together"].at(0.99) > 20 * waits["apart"].at(0.99)
