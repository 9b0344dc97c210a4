"""Sentry gets one report for each job that failed for good, and hears of each run of the schedule."""

from __future__ import annotations

import json

from processes import eventually


def test_a_job_that_failed_is_reported_once_and_a_retry_is_not(site):
    request = site.get("/told/fail/?password=hunter2")
    plain = site.wait_for("task_failure", request, task="told.tasks.fail")
    durable = site.wait_for("task_failure", request, task="told.tasks.fail_after_a_retry")
    assert len(plain) == len(durable) == 1
    tasks = {"told.tasks.fail": plain[0], "told.tasks.fail_after_a_retry": durable[0]}
    eventually("two reports", lambda: len(site.sentry.events(request)) >= 2)
    # Whatever else was on its way has come when the report of a later failure has.
    later = site.get("/told/broken/?password=hunter2")
    eventually("one more report", lambda: site.sentry.events(later))

    reports = {report["tags"]["task"]: report for report in site.sentry.events(request)}
    assert len(site.sentry.events(request)) == 2
    for task, line in tasks.items():
        tags = reports[task]["tags"]
        assert (tags["task_id"], tags["queue"], tags["request_id"]) == (line["task_id"], "fast", request)
        assert reports[task]["release"] == "shop@1.2.3"
        assert reports[task]["exception"]["values"][-1]["value"].endswith("failed with password=[hidden]")
    assert reports["told.tasks.fail"]["contexts"]["job"] == {"args": [7], "kwargs": {"password": "[hidden]"}}
    assert reports["told.tasks.fail_after_a_retry"]["tags"]["attempt"] == "2"
    crumbs = reports["told.tasks.fail_after_a_retry"]["breadcrumbs"]["values"]
    assert [crumb["message"] for crumb in crumbs if crumb["category"] == "retry"] == ["retried 1 times before"]


def test_what_broke_in_a_page_is_reported_once(site):
    request = site.get("/told/broken/?password=hunter2")
    eventually("its report", lambda: site.sentry.events(request))

    [report] = site.sentry.events(request)
    assert report["exception"]["values"][-1]["type"] == "RuntimeError"


def test_no_secret_was_sent(site):
    assert site.sentry.events()
    assert "hunter2" not in json.dumps(site.sentry.events())


def test_entries_of_the_schedule_are_monitors(site):
    site.wait_for("task_succeeded", "told.tasks.from_beat")
    eventually("its end", lambda: any(each["status"] == "ok" for each in site.sentry.checkins("told-minute")))

    begun, ended = site.sentry.checkins("told-minute")[:2]
    assert (begun["status"], ended["status"]) == ("in_progress", "ok")
    assert begun["check_in_id"] == ended["check_in_id"]
    assert begun["monitor_config"]["schedule"] == {"type": "interval", "value": 1, "unit": "minute"}
