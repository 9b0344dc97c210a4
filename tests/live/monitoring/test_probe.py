"""Probe the age of the heartbeat file: the probe fails for what hangs, and not for what waits for a broker."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.live.harness.processes import Process, eventually
from tests.projects import environment as clean_environment

SECONDS = 60  # until a probe fails, at the most
STALE = 15  # seconds: the age that the probe of this test calls too old; the documented one waits longer
HEARTBEATS = (
    "SELECT consuming, seen_at > now() - interval '10 seconds' "
    "FROM djcelery_jobs_heartbeat WHERE worker LIKE 'patient%'"
)


@dataclass
class Probed:
    """Hold a process, and the file that it touches."""

    process: Process
    file: Path
    command: str

    def healthy(self) -> bool:
        """Return what the probe of a container says."""
        env = clean_environment() | {"HEARTBEAT_FILE": str(self.file)}
        return subprocess.run(["sh", "-c", self.command], env=env, check=False, capture_output=True).returncode == 0


@pytest.fixture
def start(environment):
    """Start a process with a file of its own: start("worker", "fast")."""
    documented = (environment.project.path / "djcelery_jobs" / "worker" / "heartbeat.py").read_text()
    [command] = re.findall(r"^    (find .*)$", documented, re.MULTILINE)
    command, count = re.subn(r"-mmin -[\d.]+", f"-mmin -{STALE / 60:.4f}", command)
    assert count == 1

    def make(kind: str, *words: str, name: str = "") -> Probed:
        file = environment.folder / f"{kind}-{name}.heartbeat"
        heartbeat = {"JOBS_HEARTBEAT_FILE": str(file), "CELERY_REMOTE_CONTROL": "true"}
        if kind == "worker":
            node = ("-n", f"{name}@%h", "-Q", *words, "--concurrency", "1", "-l", "INFO")
            command_ = ("-m", "celery", "-A", "shop", "worker", *node)
            process = environment.start(*command_, name=name, ready=r" ready\.", **heartbeat)
        else:
            process = environment.start("-m", "celery", "-A", "shop", "beat", name=name, ready="", **heartbeat)
        probed = Probed(process, file, command)
        eventually(f"{name} lives", probed.healthy, 60)
        return probed

    return make


def test_it_fails_for_what_hangs_and_for_what_no_longer_consumes(environment, start):
    stopped = start("worker", "fast", name="stopped")
    idle = start("worker", "slow", name="idle")
    deaf = start("worker", "report", name="deaf")
    sound = start("worker", "email", name="sound")
    beat, waiting_beat = start("beat", name="beat-1"), start("beat", name="beat-2")
    begun = time.monotonic()

    for probed in (stopped, beat):
        os.kill(probed.process.popen.pid, signal.SIGSTOP)
    environment.manage("shell", "-v0", "-c", TROUBLE)

    try:
        for probed in (stopped, beat, idle, deaf):
            left = SECONDS - (time.monotonic() - begun)
            eventually("its probe fails", lambda probed=probed: not probed.healthy(), left)
        assert (idle.process.popen.poll(), deaf.process.popen.poll()) == (None, None)
        assert sound.healthy()
        assert waiting_beat.healthy()
        seen = json.loads(environment.manage("shell", "-v0", "-c", STATE).splitlines()[-1])
        wanted = {"deaf": [True, False], "idle": [True, False], "sound": [True, True], "stopped": [False, True]}
        assert {name: seen[name] for name in wanted} == wanted
    finally:
        for probed in (stopped, beat):
            os.kill(probed.process.popen.pid, signal.SIGCONT)


TROUBLE = """
import os
import time
from celery import current_app
from workload.tasks import noop
here = os.uname().nodename
current_app.control.cancel_consumer("slow", destination=[f"idle@{here}"])
current_app.control.broadcast("go_deaf", destination=[f"deaf@{here}"])
time.sleep(2)
for _ in range(5):  # more than RabbitMQ puts on its line unasked
    noop.apply_async(queue="report")
"""
STATE = """
import json
from djcelery_jobs.dashboard.snapshot import take_snapshot
print(json.dumps({w.name.split("@")[0]: [w.alive, w.consuming] for w in take_snapshot().workers}, sort_keys=True))
"""


@pytest.mark.parametrize("servers", ["redis"], indirect=True)
def test_a_worker_that_looks_for_its_broker_is_left_alone(environment, start):
    # A restart would mend no broker, and end the jobs that it runs.
    worker = start("worker", "report", name="patient")
    environment.broker.kill()
    try:
        over = time.monotonic() + STALE + 10
        while time.monotonic() < over:
            assert worker.healthy(), worker.process.text[-3000:]
            time.sleep(1)
        silent = lambda: _heartbeats(environment) == [(False, True)]  # noqa: E731
        eventually("it says that it does not consume", silent, otherwise=lambda: worker.process.text[-3000:])
    finally:
        environment.broker.start()
    eventually("it consumes again", lambda: _heartbeats(environment) == [(True, True)])


def _heartbeats(environment):
    return environment.database.rows(HEARTBEATS)
