"""Beat: one at a time however many there are, and in the hands of the people in the admin where they asked for it."""

from __future__ import annotations

import os
import re
import signal
import time
from datetime import datetime

import pytest
from browser import FormFields
from processes import eventually
from shop import TICK_SECONDS

SENDS = "Scheduler: Sending due task live-tick"
TICK = "probes.tasks.tick"


def test_beat_fires(shop):
    shop.started(TICK, count=2)


@pytest.mark.parametrize("shop", ["rabbitmq"], indirect=True)
def test_an_edit_in_the_admin_changes_the_next_run(shop):
    staff = shop.staff()
    entries = "/admin/django_celery_beat/periodictask/"
    number = re.findall(rf'{entries}(\d+)/change/[^"]*">live-tick<', staff.get(entries))[0]
    fields = FormFields(staff.get(f"{entries}{number}/change/")).values

    staff.post(f"{entries}{number}/change/", {**fields, "args": '["edited"]', "_save": "Save"})

    shop.started(TICK, "edited")
    last = shop.starts(TICK)[-1]
    assert last["args"] == ["edited"]


def test_of_two_beats_one_sends_and_the_other_takes_over(shop, figure):
    other = shop.start("-m", "celery", "-A", shop.project.slug, "beat", "-l", "INFO", name="second-beat")
    try:
        other.wait_for("beat: Starting")
        before = len(shop.dev.lines(SENDS))
        eventually("five more runs", lambda: len(shop.dev.lines(SENDS)) >= before + 5)
        assert other.lines(SENDS) == []
        sends = shop.dev.lines(SENDS)[before:]
        seconds = (moment(sends[-1]) - moment(sends[0])).total_seconds()
        per_slot = (len(sends) - 1) * TICK_SECONDS / seconds
        figure(f"two beats on {shop.broker}: {per_slot:.2f} runs per slot")
        assert per_slot < 1.25  # two that do not know of each other send 2.0

        killed = time.monotonic()
        os.kill(shop.dev.member("celery", "beat"), signal.SIGKILL)
        last = len(shop.dev.lines(SENDS))
        other.wait_for(SENDS, count=2)
        figure(f"the second beat on {shop.broker} sends {time.monotonic() - killed:.0f} s after kill -9 of the first")
        assert len(shop.dev.lines(SENDS)) == last
    finally:
        other.end()


def moment(line: str) -> datetime:
    """When a line of the log was written."""
    found = re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}", line)
    assert found, line
    return datetime.fromisoformat(found[0])
