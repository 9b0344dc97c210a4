"""`grep` shows one execution end to end, and what one request caused; no line that a job wrote lacks its names."""

from __future__ import annotations

import json
import re

NAMES = {"task_id", "task", "queue", "attempt"}
VOICES = {
    "from a library",
    "from Celery's logger for tasks",
    "from structlog",
    "from Django",
    "with a traceback",
    "task_succeeded",
    "task_retrying",
}


def events(lines: list[dict[str, object]], task: str) -> list[tuple[str, str, int]]:
    """Process, event and attempt of what tells how the jobs of this task went: each attempt in the order of time.

    The next attempt may begin in one process while another still writes the last line of the one before.
    """
    told = [
        (str(line["process"]), str(line["event"]), int(str(line.get("attempt", 0))))
        for line in lines
        if str(line["event"]).startswith("task_") and line.get("child_task_name", line.get("task")) == task
    ]
    return sorted(told, key=lambda each: each[2])


def test_one_order_from_the_request_to_its_receipt(site):
    site.mail.misbehave.append("refuse")
    request = site.order("ann@example.com")
    site.wait_for("task_succeeded", request, task="orders.tasks.send_receipt", attempt=2)
    site.wait_for("request_finished", request)

    found = site.lines(request)
    assert [line["event"] for line in found if line["process"] == "web"] == ["task_enqueued", "request_finished"]
    reserve, receipt = events(found, "orders.tasks.reserve_stock"), events(found, "orders.tasks.send_receipt")
    assert reserve == [("web", "task_enqueued", 0), ("worker", "task_succeeded", 1)]
    # The relay, which is part of beat, publishes the second attempt.
    assert [each for each in receipt if each[0] == "worker" and each[1] != "task_enqueued"] == [
        ("worker", "task_retrying", 1),
        ("worker", "task_succeeded", 2),
    ]
    assert ("beat", "task_enqueued", 0) in receipt


def test_one_id_shows_one_execution(site):
    request = site.get("/told/cause/")
    done = site.wait_for("task_succeeded", request, task="told.tasks.first")[0]
    site.wait_for("task_retrying", request, task="told.tasks.first")

    found = site.lines(str(done["task_id"]))
    assert events(found, "told.tasks.first") == [
        ("web", "task_enqueued", 0),
        ("worker", "task_enqueued", 1),  # by itself, once more
        ("worker", "task_retrying", 1),
        ("worker", "task_succeeded", 2),
    ]
    assert {line["event"] for line in found if line.get("attempt") == 1} >= VOICES - {"task_succeeded"}
    assert {line["event"] for line in found if line.get("attempt") == 2} >= VOICES - {"task_retrying"}
    assert {line["request_id"] for line in found} == {request}


def test_one_request_shows_all_that_it_caused(site):
    request = site.get("/told/cause/")
    for task in ("first", "second", "kept", "caused"):
        site.wait_for("task_succeeded", request, task=f"told.tasks.{task}")

    ids = {line["task_id"] for line in site.lines(request) if "task_id" in line}
    assert len(ids) == 4


def test_a_job_from_the_schedule_names_its_entry(site):
    [line, *_] = site.wait_for("task_succeeded", "told.tasks.from_beat")

    assert str(line["request_id"]).startswith("beat:told-minute:")
    spoken = site.lines(str(line["request_id"]))
    assert ("beat", "task_enqueued", 0) in events(spoken, "told.tasks.from_beat")


def test_no_line_that_a_job_wrote_lacks_its_names(site):
    for task in ("second", "caused"):
        site.wait_for("task_succeeded", f"told.tasks.{task}")

    witnessed = site.witnessed()
    assert {line["event"] for _, line in witnessed} >= VOICES
    assert any("from Python's warnings" in str(line["event"]) for _, line in witnessed)
    assert [(job, line) for job, line in witnessed if not line.keys() >= NAMES or line["task_id"] != job] == []
    assert [line for _, line in witnessed if "request_id" not in line] == []


def test_every_line_is_json(site):
    """What Celery and gunicorn print about themselves before they begin is not a line of the log."""
    site.get("/told/broken/?password=hunter2")
    failed = site.wait_for("request_failed", "told/broken")[0]

    for process in site.place.processes:
        printed = process.text.splitlines()
        begun = next(number for number, line in enumerate(printed) if re.search(" ready\\.|Starting|Booting", line))
        assert [line for line in printed[begun:] if not line.startswith("{")] == []
    assert "hunter2" not in json.dumps(site.lines())
    assert str(failed["exception"]).endswith("RuntimeError: password=[hidden]")
