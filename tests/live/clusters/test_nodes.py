"""Ask a cluster in the middle of a change: what nobody knows at that moment is no error."""

from __future__ import annotations

import socket
from contextlib import nullcontext
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.live.clusters.nodes import RabbitMQCluster, SentinelledValkey


@pytest.mark.parametrize(
    ("code", "printed"),
    [(0, "[]"), (0, '[{"name": "shop.fast", "leader": "", "online": []}]'), (69, "")],
    ids=["unlisted", "nobody", "refused"],
)
def test_a_queue_that_nobody_leads(code: int, printed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    cluster = RabbitMQCluster(tmp_path)
    monkeypatch.setattr(cluster, "_ask", lambda *words: CompletedProcess(words, code, printed, ""))

    assert cluster.leader("shop.fast") == ""
    assert cluster.copies("shop.fast") == 0


@pytest.mark.parametrize("is_listening", [False, True], ids=["gone", "silent"])
def test_sentinels_that_do_not_answer(is_listening: bool, tmp_path: Path):
    cluster = SentinelledValkey(tmp_path)  # none of its processes runs
    silent = socket.create_server(("127.0.0.1", cluster.sentinels[0])) if is_listening else nullcontext()

    with silent:
        assert cluster.primary() == 0
    assert not cluster.is_replica(cluster.servers[0])
    assert not cluster._agreed()
