"""Run one beat at a time, however many there are, with a schedule that people edit in the admin where they chose it."""

from __future__ import annotations

import os
import re
import signal
import time
from datetime import datetime

import pytest

from tests.live.dev.dev_server import TICK_SECONDS
from tests.live.harness.browser import FormFields
from tests.live.harness.processes import eventually

SENDS = "Scheduler: Sending due task live-tick"
TICK = "workload.tasks.probes.tick"


def test_beat_fires(dev_server):
    dev_server.started(TICK, count=2)


@pytest.mark.parametrize("dev_server", ["rabbitmq"], indirect=True)
def test_an_edit_in_the_admin_changes_the_next_run(dev_server):
    staff = dev_server.staff()
    entries = "/admin/django_celery_beat/periodictask/"
    number = re.findall(rf'{entries}(\d+)/change/[^"]*">live-tick<', staff.get(entries))[0]
    fields = FormFields(staff.get(f"{entries}{number}/change/")).values

    staff.post(f"{entries}{number}/change/", {**fields, "args": '["edited"]', "_save": "Save"})

    dev_server.started(TICK, "edited")
    last = dev_server.starts(TICK)[-1]
    assert last["args"] == ["edited"]


def test_of_two_beats_one_sends_and_the_other_takes_over(dev_server, figure):
    other = dev_server.start("-m", "celery", "-A", dev_server.project.slug, "beat", "-l", "INFO", name="second-beat")
    other.wait_for("beat: Starting")
    before = len(dev_server.dev.lines(SENDS))
    eventually("five more runs", lambda: len(dev_server.dev.lines(SENDS)) >= before + 5)
    assert other.lines(SENDS) == []
    sends = dev_server.dev.lines(SENDS)[before:]
    seconds = (moment(sends[-1]) - moment(sends[0])).total_seconds()
    per_slot = (len(sends) - 1) * TICK_SECONDS / seconds
    figure(f"two beats on {dev_server.broker}: {per_slot:.2f} runs per slot")
    assert per_slot < 1.25  # two that do not know of each other send 2.0

    killed = time.monotonic()
    os.kill(dev_server.dev.member("celery", "beat"), signal.SIGKILL)
    last = len(dev_server.dev.lines(SENDS))
    other.wait_for(SENDS, count=2)
    figure(f"the second beat on {dev_server.broker} sends {time.monotonic() - killed:.0f} s after kill -9 of the first")
    assert len(dev_server.dev.lines(SENDS)) == last
    # It goes on in the place of the first one, whatever test comes next.


def moment(line: str) -> datetime:
    """Return when a line of the log was written."""
    found = re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}", line)
    assert found, line
    return datetime.fromisoformat(found[0])
