"""Find one execution end to end with `grep`, and all that one request caused."""

from __future__ import annotations

import json
import re

NAMES = {"task_id", "task", "queue", "attempt"}
EVENTS_OF_A_JOB = {
    "from a library",
    "from Celery's logger for tasks",
    "from structlog",
    "from Django",
    "with a traceback",
    "task_succeeded",
    "task_retrying",
}


def events(lines: list[dict[str, object]], task: str) -> list[tuple[str, str, int]]:
    """Return process, event and attempt of the lines about the jobs of this task: each attempt in the order of time.

    The next attempt may begin in one process while another still writes the last line of the one before.
    """
    found = [
        (str(line["process"]), str(line["event"]), int(str(line.get("attempt", 0))))
        for line in lines
        if str(line["event"]).startswith("task_") and line.get("child_task_name", line.get("task")) == task
    ]
    return sorted(found, key=lambda event: event[2])


def test_one_order_from_the_request_to_its_receipt(log_site):
    log_site.mail.misbehave.append("refuse")
    request = log_site.order("ann@example.com")
    log_site.wait_for("task_succeeded", request, task="orders.tasks.send_receipt", attempt=2)
    log_site.wait_for("request_finished", request)

    found = log_site.lines(request)
    assert [line["event"] for line in found if line["process"] == "web"] == ["task_enqueued", "request_finished"]
    reserve, receipt = events(found, "orders.tasks.reserve_stock"), events(found, "orders.tasks.send_receipt")
    assert reserve == [("web", "task_enqueued", 0), ("worker", "task_succeeded", 1)]
    # The relay, which is part of beat, publishes the second attempt.
    assert [each for each in receipt if each[0] == "worker" and each[1] != "task_enqueued"] == [
        ("worker", "task_retrying", 1),
        ("worker", "task_succeeded", 2),
    ]
    assert ("beat", "task_enqueued", 0) in receipt


def test_one_id_shows_one_execution(log_site):
    request = log_site.get("/workload/cause/")
    done = log_site.wait_for("task_succeeded", request, task="workload.tasks.logged.first")[0]
    log_site.wait_for("task_retrying", request, task="workload.tasks.logged.first")

    found = log_site.lines(str(done["task_id"]))
    assert events(found, "workload.tasks.logged.first") == [
        ("web", "task_enqueued", 0),
        ("worker", "task_enqueued", 1),  # by itself, once more
        ("worker", "task_retrying", 1),
        ("worker", "task_succeeded", 2),
    ]
    assert {line["event"] for line in found if line.get("attempt") == 1} >= EVENTS_OF_A_JOB - {"task_succeeded"}
    assert {line["event"] for line in found if line.get("attempt") == 2} >= EVENTS_OF_A_JOB - {"task_retrying"}
    assert {line["request_id"] for line in found} == {request}


def test_one_request_shows_all_that_it_caused(log_site):
    request = log_site.get("/workload/cause/")
    for task in ("first", "second", "kept", "caused"):
        log_site.wait_for("task_succeeded", request, task=f"workload.tasks.logged.{task}")

    ids = {line["task_id"] for line in log_site.lines(request) if "task_id" in line}
    assert len(ids) == 4


def test_a_job_from_the_schedule_names_its_entry(log_site):
    [line, *_] = log_site.wait_for("task_succeeded", "workload.tasks.logged.from_beat")

    assert str(line["request_id"]).startswith("beat:every-minute:")
    spoken = log_site.lines(str(line["request_id"]))
    assert ("beat", "task_enqueued", 0) in events(spoken, "workload.tasks.logged.from_beat")


def test_no_line_that_a_job_wrote_lacks_its_names(log_site):
    for task in ("second", "caused"):
        log_site.wait_for("task_succeeded", f"workload.tasks.logged.{task}")

    lines_of_jobs = log_site.lines_of_jobs()
    assert {line["event"] for _, line in lines_of_jobs} >= EVENTS_OF_A_JOB
    assert any("from Python's warnings" in str(line["event"]) for _, line in lines_of_jobs)
    assert [(job, line) for job, line in lines_of_jobs if not line.keys() >= NAMES or line["task_id"] != job] == []
    assert [line for _, line in lines_of_jobs if "request_id" not in line] == []


def test_every_line_is_json(log_site):
    # What Celery and gunicorn print about themselves before they begin is not a line of the log.
    log_site.get("/workload/broken/?password=hunter2")
    failed = log_site.wait_for("request_failed", "workload/broken")[0]

    for process in log_site.environment.processes:
        printed = process.text.splitlines()
        begun = next(number for number, line in enumerate(printed) if re.search(" ready\\.|Starting|Booting", line))
        assert [line for line in printed[begun:] if not line.startswith("{")] == []
    assert "hunter2" not in json.dumps(log_site.lines())
    assert str(failed["exception"]).endswith("RuntimeError: password=[hidden]")
