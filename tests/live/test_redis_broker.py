"""What only Redis can get wrong."""

from __future__ import annotations

import pytest

NOTE = "probes.tasks.note"


@pytest.mark.parametrize("shop", ["redis"], indirect=True)
def test_clearing_the_cache_empties_no_queue(shop):
    shop.publish("hold.delay('cache')", *(f"note.apply_async(['cleared {n}'], queue='slow')" for n in range(3)))
    shop.started("probes.tasks.hold", "cache")

    left = shop.shell(
        "from django.core.cache import cache; cache.set('a', 1); assert cache.get('a') == 1; cache.clear();"
        "print(cache.get('a'))"
    )

    assert left == "None"
    assert [shop.starts(NOTE, f"cleared {n}") for n in range(3)] == [[], [], []]
    shop.allow("release-cache")
    for n in range(3):
        shop.started(NOTE, f"cleared {n}")
