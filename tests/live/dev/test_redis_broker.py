"""Check what only Redis can get wrong."""

from __future__ import annotations

import pytest

NOTE = "workload.tasks.probes.note"


@pytest.mark.parametrize("dev_server", ["redis"], indirect=True)
def test_clearing_the_cache_empties_no_queue(dev_server):
    dev_server.publish("hold.delay('cache')", *(f"note.apply_async(['cleared {n}'], queue='slow')" for n in range(3)))
    dev_server.started("workload.tasks.probes.hold", "cache")

    left = dev_server.shell(
        "from django.core.cache import cache; cache.set('a', 1); assert cache.get('a') == 1; cache.clear();"
        "print(cache.get('a'))"
    )

    assert left == "None"
    assert [dev_server.starts(NOTE, f"cleared {n}") for n in range(3)] == [[], [], []]
    dev_server.allow("release-cache")
    for n in range(3):
        dev_server.started(NOTE, f"cleared {n}")
