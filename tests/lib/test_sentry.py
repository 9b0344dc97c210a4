"""Test what a report to Sentry says of the job, and what it does not say. Nothing is sent here."""

import logging
import sys

import pytest
from celery.exceptions import Retry
from celery.signals import task_retry
from sentry_sdk.integrations.celery.beat import crons_task_retry

from djcelery_jobs.telemetry import sentry


@pytest.fixture
def options(monkeypatch):
    """Return what start() tells the SDK."""
    told = {}
    monkeypatch.setattr(sentry.sentry_sdk, "init", lambda **options: told.update(options))
    monkeypatch.setattr(sentry, "CeleryIntegration", lambda **options: options)
    task_retry.connect(crons_task_retry)
    sentry.start_sentry(dsn="https://key@sentry.example.com/1", environment="staging", release="")
    return told


def test_what_is_told_to_the_sdk(options):
    assert options["environment"] == "staging"
    assert options["release"] is None
    assert options["send_default_pii"] is False
    assert options["integrations"] == [{"monitor_beat_tasks": True}]


def test_a_retry_does_not_alarm_a_monitor(options):
    assert task_retry.disconnect(crons_task_retry) is False


def test_a_report_names_the_job_and_tells_its_arguments_without_secrets(task, broker):
    def fails(order: int, password: str) -> None:
        reports.append(sentry.before_send({}, {}))

    reports = []
    task(fails).apply_async([7], {"password": "hunter2"}, task_id="the-id")
    broker.drain()

    [report] = reports
    assert report["tags"] == {"task_id": "the-id", "task": "tests.fails", "queue": "fast", "attempt": "1"}
    assert report["contexts"]["job"] == {"args": [7], "kwargs": {"password": "[hidden]"}}


def test_retries_are_a_breadcrumb(task, broker):
    def wobbles() -> None:
        if wobbly.request.retries:
            reports.append(sentry.before_send({}, {}))
        else:
            raise ConnectionError

    reports, wobbly = [], task(wobbles)
    wobbly.delay()
    assert not any(isinstance(ran.result, Retry) for ran in broker.drain())

    [crumb] = reports[0]["breadcrumbs"]["values"]
    assert (crumb["category"], crumb["message"]) == ("retry", "retried 1 times before")


def test_all_texts_are_scrubbed():
    frame = {"vars": {"password": "hunter2", "order": "7"}}
    event = {
        "message": "password=hunter2",
        "extra": {"token": "hunter2"},
        "request": {"headers": {"Authorization": "hunter2"}, "query_string": "token=hunter2"},
        "exception": {"values": [{"value": "password=hunter2", "stacktrace": {"frames": [frame]}}]},
    }

    sent = sentry.before_send(event, {})

    assert "hunter2" not in str(sent)
    assert frame["vars"]["order"] == "7"
    assert "hunter2" not in str(sentry.before_breadcrumb({"message": "password=hunter2"}, {}))


@pytest.mark.parametrize("inside", [True, False])
def test_a_line_is_reported_only_where_no_exception_was(inside):
    try:
        raise ValueError
    except ValueError:
        trace = sys.exc_info() if inside else None
    record = logging.LogRecord("djcelery_jobs.failure", logging.ERROR, "", 0, "task_failure", (), trace)
    record.task_id = "the-id"

    sent = sentry.before_send({"logger": "djcelery_jobs.failure"}, {"log_record": record})

    assert (sent is None) is inside
    if sent:
        assert sent["tags"] == {"task_id": "the-id"}
