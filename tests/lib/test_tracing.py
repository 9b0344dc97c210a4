"""Test that traces are there when the environment asks for them, and cost nothing when it does not."""

import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from celery import current_app
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from opentelemetry import trace
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.sdk.trace import TracerProvider

from djcelery_jobs.apps import JobsConfig
from djcelery_jobs.core.durable import DurableTask
from djcelery_jobs.models import Job
from djcelery_jobs.telemetry import context, tracing

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def on(monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:1")


@pytest.fixture
def provider(on, monkeypatch):
    """Start traces as a process does, without a place to send them to."""
    set_up = []
    monkeypatch.setenv("OTEL_SERVICE_NAME", "")
    monkeypatch.delenv("OTEL_SERVICE_NAME")
    monkeypatch.setattr("opentelemetry.sdk.trace.export.BatchSpanProcessor", lambda exporter: None)
    monkeypatch.setattr("opentelemetry.sdk.trace.TracerProvider.add_span_processor", lambda *args: None)
    monkeypatch.setattr(trace, "set_tracer_provider", set_up.append)
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: set_up[0])
    middleware = list(settings.MIDDLEWARE)
    JobsConfig.create("djcelery_jobs").ready()
    yield set_up[0]
    CeleryInstrumentor().uninstrument()
    DjangoInstrumentor().uninstrument()
    settings.MIDDLEWARE = middleware


def test_off_until_the_environment_names_an_endpoint(monkeypatch):
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)

    assert not tracing.is_enabled()
    assert context.snapshot() == {}
    with tracing.attached({"traceparent": TRACEPARENT}):
        assert not trace.get_current_span().get_span_context().is_valid


def test_without_its_packages_it_says_what_to_install(on, monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)

    with pytest.raises(ImproperlyConfigured, match=r"pip install '\.\[otel\]'"):
        tracing.start()


def test_the_spans_are_named_after_the_project(provider):
    assert provider.resource.attributes["service.name"] == current_app.main


def test_a_job_that_is_published_later_goes_on_with_the_trace(on, task, broker):
    def seen() -> None: ...

    with tracing.attached({"traceparent": TRACEPARENT}):
        task(seen, base=DurableTask).delay()
    kept = Job.objects.get().options["context"]

    assert kept["traceparent"].split("-")[1] == TRACEPARENT.split("-")[1]
    with context.restored(kept):
        assert trace.get_current_span().get_span_context().trace_id == int(TRACEPARENT.split("-")[1], 16)


def test_a_request_and_its_job_share_a_trace(provider, task, broker):
    def works() -> None:
        seen.append(trace.get_current_span().get_span_context().trace_id)

    seen = []
    works_task = task(works)
    with TracerProvider().get_tracer("tests").start_as_current_span("request") as span:
        works_task.delay()
    broker.drain()

    assert seen == [span.get_span_context().trace_id]


def test_two_runs_of_one_job_at_once_end_their_own_spans(provider, task, caplog):
    def works() -> None:
        both_run.wait(timeout=10)
        seen.append(trace.get_current_span())

    seen, both_run = [], Barrier(2)
    works_task = task(works)
    with ThreadPoolExecutor(2) as threads:
        runs = [threads.submit(works_task.apply, task_id="sent-again") for _ in range(2)]
        assert [run.result().state for run in runs] == ["SUCCESS"] * 2

    assert seen[0] != seen[1]
    assert not any(span.is_recording() for span in seen)
    assert [record.message for record in caplog.records if record.name.startswith("opentelemetry")] == []
