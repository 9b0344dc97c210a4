"""Ask a cluster in the middle of a change: what nobody knows at that moment is no error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.live.clusters.nodes import RabbitMQCluster, SentinelledValkey


@pytest.mark.parametrize("rows", [[], [{"name": "shop.fast", "leader": "", "online": []}]], ids=["unlisted", "nobody"])
def test_a_queue_that_nobody_leads(rows: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    cluster = RabbitMQCluster(tmp_path)
    monkeypatch.setattr(cluster, "_ask", lambda *words: rows)

    assert cluster.leader("shop.fast") == ""
    assert cluster.copies("shop.fast") == 0


def test_sentinels_that_do_not_answer(tmp_path: Path):
    cluster = SentinelledValkey(tmp_path)  # none of its processes runs

    assert cluster.primary() == 0
    assert not cluster.is_replica(cluster.servers[0])
    assert not cluster._agreed()
