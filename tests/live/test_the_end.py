"""Ctrl-C. The last file in the alphabet: this ends what the other files share."""

from __future__ import annotations

from pathlib import Path

from processes import eventually


def test_ctrl_c_ends_everything_while_a_task_runs(shop):
    shop.publish("hold.delay('the end')")
    shop.started("probes.tasks.hold", "the end")
    commands = " ".join(shop.dev.family().values())
    assert ("valkey-server" in commands) is (shop.broker == "redis")

    code = shop.dev.interrupt(seconds=60)

    assert code == 0
    eventually("no process is left", lambda: not shop.dev.family(), 10)
    assert not _answers(shop.variables.get("REDIS_URL", ""))


def _answers(url: str) -> bool:
    """Whether something listens on the port of this URL."""
    port = f":{int(url.rpartition(':')[2].partition('/')[0]):04X} " if url else "-"
    return any(port in line and " 0A " in line for line in Path("/proc/net/tcp").read_text().splitlines())
