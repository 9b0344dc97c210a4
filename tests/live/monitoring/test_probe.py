"""A container's probe looks at the age of a file. It fails for what hangs, and not for what waits for a broker."""

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
from processes import Process, eventually
from projects import environment

SECONDS = 60  # until a probe fails, at the most
STALE = 30  # seconds: the age that the probe calls too old
HEARTBEATS = "SELECT consuming, seen_at > now() - interval '30 seconds' FROM djcelery_jobs_heartbeat WHERE worker LIKE '{}%'"


@dataclass
class Probed:
    """A process, and the file that it touches."""

    process: Process
    file: Path
    command: str

    def healthy(self) -> bool:
        """What the probe of a container says."""
        env = environment() | {"JOBS_HEARTBEAT_FILE": str(self.file)}
        return subprocess.run(["sh", "-c", self.command], env=env, check=False, capture_output=True).returncode == 0


@pytest.fixture
def start(place):
    """Start a process with a file of its own: start("worker", "fast")."""
    documented = (place.project.path / "jobs" / "watch" / "heartbeat.py").read_text()
    [command] = re.findall(r"^    (find .*)$", documented, re.MULTILINE)

    def make(kind: str, *words: str, name: str = "") -> Probed:
        file = place.folder / f"{kind}-{name}.heartbeat"
        heartbeat = {"JOBS_HEARTBEAT_FILE": str(file)}
        if kind == "worker":
            node = ("-n", f"{name}@%h", "-Q", *words, "--concurrency", "1", "-l", "INFO")
            command_ = ("-m", "celery", "-A", "shop", "worker", *node)
            process = place.start(*command_, name=name, ready=r" ready\.", **heartbeat)
        else:
            process = place.start("-m", "celery", "-A", "shop", "beat", name=name, ready="", **heartbeat)
        probed = Probed(process, file, command)
        eventually(f"{name} lives", probed.healthy, 60)
        return probed

    return make


def test_it_fails_for_what_hangs_and_for_what_no_longer_consumes(place, start):
    stopped = start("worker", "fast", name="stopped")
    idle = start("worker", "slow", name="idle")
    deaf = start("worker", "report", name="deaf")
    sound = start("worker", "email", name="sound")
    beat, waiting_beat = start("beat", name="beat-1"), start("beat", name="beat-2")
    begun = time.monotonic()

    for each in (stopped, beat):
        os.kill(each.process.popen.pid, signal.SIGSTOP)
    place.project.run("manage.py", "shell", "-v0", "-c", TROUBLE, **place.variables)

    try:
        for each in (stopped, beat, idle, deaf):
            left = SECONDS - (time.monotonic() - begun)
            eventually("its probe fails", lambda each=each: not each.healthy(), left)
        assert (idle.process.popen.poll(), deaf.process.popen.poll()) == (None, None)
        assert sound.healthy()
        assert waiting_beat.healthy()
        told = json.loads(
            place.project.run("manage.py", "shell", "-v0", "-c", STATE, **place.variables).splitlines()[-1]
        )
        wanted = {"deaf": [True, False], "idle": [True, False], "sound": [True, True], "stopped": [False, True]}
        assert {name: told[name] for name in wanted} == wanted  # workers of other tests may have gone just now
    finally:
        for each in (stopped, beat):
            os.kill(each.process.popen.pid, signal.SIGCONT)


TROUBLE = """
import os
import time
from celery import current_app
from measured.tasks import noop
here = os.uname().nodename
current_app.control.cancel_consumer("slow", destination=[f"idle@{here}"])
current_app.control.broadcast("go_deaf", destination=[f"deaf@{here}"])
time.sleep(2)
for _ in range(5):  # more than RabbitMQ puts on its line unasked
    noop.apply_async(queue="report")
"""
STATE = """
import json
from djcelery_jobs.dashboard.state import state
print(json.dumps({w.name.split("@")[0]: [w.alive, w.consuming] for w in state().workers}, sort_keys=True))
"""


@pytest.mark.parametrize("project_on_servers", ["redis"], indirect=True)
def test_a_worker_that_looks_for_its_broker_is_left_alone(place, start):
    """A restart would mend no broker, and end the jobs that it runs."""
    worker = start("worker", "report", name="patient")
    place.broker.kill()
    over = time.monotonic() + STALE + 10
    while time.monotonic() < over:
        assert worker.healthy()
        time.sleep(1)
    eventually(
        "it says that it does not consume", lambda: place.database.rows(HEARTBEATS.format("patient")) == [(False, True)]
    )
    place.broker.start()
    eventually("it consumes again", lambda: place.database.rows(HEARTBEATS.format("patient")) == [(True, True)])
