"""Press Ctrl-C in a terminal with `manage.py dev`: everything that it started ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.live.dev.dev_server import running_dev_server
from tests.live.harness.processes import eventually


@pytest.mark.parametrize("broker", ["redis", "rabbitmq"])
def test_ctrl_c_ends_everything_while_a_task_runs(broker, tmp_path):
    with running_dev_server(broker, tmp_path) as running:
        running.publish("hold.delay('the end')")
        running.started("workload.tasks.probes.hold", "the end")
        commands = " ".join(running.dev.family().values())
        assert ("valkey-server" in commands) is (broker == "redis")

        code = running.dev.interrupt(seconds=60)

        assert code == 0
        eventually("no process is left", lambda: not running.dev.family(), 10)
        if broker == "redis":
            assert not _listens(running.variables["REDIS_URL"])


def _listens(url: str) -> bool:
    """Say whether something listens on the port of this URL."""
    port = f":{int(url.rpartition(':')[2].partition('/')[0]):04X} "
    return any(port in line and " 0A " in line for line in Path("/proc/net/tcp").read_text().splitlines())
