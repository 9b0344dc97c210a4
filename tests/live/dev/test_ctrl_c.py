"""Press Ctrl-C in a terminal with `manage.py dev`: everything that it started ends."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.live.dev.dev_server import dev_project, running_dev_server
from tests.live.harness.browser import Browser
from tests.live.harness.processes import Process, eventually
from tests.ports import free_port
from tests.projects import environment


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


@pytest.mark.parametrize("presses_ctrl_c", [True, False])
def test_everything_ends_though_nobody_reads_what_it_prints(presses_ctrl_c, tmp_path):
    with dev_project("redis", tmp_path, {}) as made:
        port = free_port()
        words = f"{sys.executable} manage.py dev --port {port} --no-reload | tee"
        dev = Process(["sh", "-c", words], made.project.path, environment() | made.variables, tmp_path / "dev.log")
        made.environment.processes.append(dev)
        dev.wait_for("Ctrl-C stops everything", seconds=120)

        if presses_ctrl_c:
            dev.interrupt(seconds=60)
        else:
            [reader] = [pid for pid, command in dev.family().items() if command.strip() == "tee"]
            os.kill(reader, signal.SIGKILL)
            with suppress(OSError):  # it ends while it answers
                Browser(f"http://localhost:{port}").json("/health/ready")  # which logs a line

        eventually("no process is left", lambda: not dev.family(), 60, otherwise=lambda: str(dev.family()))


def _listens(url: str) -> bool:
    """Say whether something listens on the port of this URL."""
    port = f":{int(url.rpartition(':')[2].partition('/')[0]):04X} "
    return any(port in line and " 0A " in line for line in Path("/proc/net/tcp").read_text().splitlines())
