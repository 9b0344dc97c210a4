"""Test that Sentry gets one report for each job that failed for good, and hears of each run of the schedule."""

from __future__ import annotations

import json

from tests.live.harness.processes import eventually


def test_a_job_that_failed_is_reported_once_and_a_retry_is_not(log_site):
    request = log_site.get("/workload/fail/?password=hunter2")
    plain = log_site.wait_for("task_failure", request, task="workload.tasks.logged.fail")
    durable = log_site.wait_for("task_failure", request, task="workload.tasks.logged.fail_after_a_retry")
    assert len(plain) == len(durable) == 1
    tasks = {"workload.tasks.logged.fail": plain[0], "workload.tasks.logged.fail_after_a_retry": durable[0]}
    eventually("two reports", lambda: len(log_site.sentry.events(request)) >= 2)
    # Whatever else was on its way has come when the report of a later failure has.
    later = log_site.get("/workload/broken/?password=hunter2")
    eventually("one more report", lambda: log_site.sentry.events(later))

    reports = {report["tags"]["task"]: report for report in log_site.sentry.events(request)}
    assert len(log_site.sentry.events(request)) == 2
    for task, line in tasks.items():
        tags = reports[task]["tags"]
        assert (tags["task_id"], tags["queue"], tags["request_id"]) == (line["task_id"], "fast", request)
        assert reports[task]["release"] == "shop@1.2.3"
        assert reports[task]["exception"]["values"][-1]["value"].endswith("failed with password=[hidden]")
    assert reports["workload.tasks.logged.fail"]["contexts"]["job"] == {"args": [7], "kwargs": {"password": "[hidden]"}}
    assert reports["workload.tasks.logged.fail_after_a_retry"]["tags"]["attempt"] == "2"
    crumbs = reports["workload.tasks.logged.fail_after_a_retry"]["breadcrumbs"]["values"]
    assert [crumb["message"] for crumb in crumbs if crumb["category"] == "retry"] == ["retried 1 times before"]


def test_what_broke_in_a_page_is_reported_once(log_site):
    request = log_site.get("/workload/broken/?password=hunter2")
    eventually("its report", lambda: log_site.sentry.events(request))

    [report] = log_site.sentry.events(request)
    assert report["exception"]["values"][-1]["type"] == "RuntimeError"


def test_no_secret_was_sent(log_site):
    assert log_site.sentry.events()
    assert "hunter2" not in json.dumps(log_site.sentry.events())


def test_entries_of_the_schedule_are_monitors(log_site):
    log_site.wait_for("task_succeeded", "workload.tasks.logged.from_beat")
    eventually("its end", lambda: any(each["status"] == "ok" for each in log_site.sentry.checkins("every-minute")))

    begun, ended = log_site.sentry.checkins("every-minute")[:2]
    assert (begun["status"], ended["status"]) == ("in_progress", "ok")
    assert begun["check_in_id"] == ended["check_in_id"]
    assert begun["monitor_config"]["schedule"] == {"type": "interval", "value": 1, "unit": "minute"}
