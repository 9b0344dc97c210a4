"""Trace with OpenTelemetry, from a request through the jobs that it causes. Enabled where an endpoint is set.

The variables are OpenTelemetry's own: OTEL_EXPORTER_OTLP_ENDPOINT enables traces, and the others work as usual.
"""

import os
import threading
from collections import UserDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from celery import Task, current_app
from celery.signals import worker_process_shutdown
from django.core.exceptions import ImproperlyConfigured

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
HEADERS = ("traceparent", "tracestate")
FLUSH_TIMEOUT = 2000  # milliseconds that a process which exits waits for its last spans


class SpansOfThread(threading.local, UserDict[str, Any]):
    """Keep the spans of the jobs that run in this thread: each thread that looks into it finds its own.

    OpenTelemetry keeps them by the id of the job, for all threads of a process together. A job that is sent again can
    begin in one thread before its last run has ended in another. Then each run would end the span of the other.
    """


def is_enabled() -> bool:
    """Return whether the environment asks for traces."""
    return any(os.environ.get(name) for name in ENDPOINTS)


def start() -> None:
    """Trace this process and those that it forks. Raises ImproperlyConfigured when the packages are missing."""
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.instrumentation.celery import CeleryInstrumentor
        from opentelemetry.instrumentation.celery.utils import CTX_KEY
        from opentelemetry.instrumentation.django import DjangoInstrumentor
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise ImproperlyConfigured(
            f"{ENDPOINTS[0]} is set, and {error.name} is missing. Install the extra: pip install '.[otel]'"
        ) from error
    os.environ.setdefault("OTEL_SERVICE_NAME", current_app.main)
    provider = TracerProvider()
    # Its thread does not survive a fork; it starts another in each child by itself.
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    DjangoInstrumentor().instrument()
    CeleryInstrumentor().instrument()
    setattr(Task, CTX_KEY, SpansOfThread())
    # A child of a worker exits without running Python's exit handlers, which would flush the spans.
    worker_process_shutdown.connect(lambda **_: provider.force_flush(FLUSH_TIMEOUT), weak=False)


def snapshot() -> dict[str, str]:
    """Return the headers that name the current trace, for a job that another process publishes later."""
    if not is_enabled():
        return {}
    from opentelemetry.propagate import inject

    carrier: dict[str, str] = {}
    inject(carrier)
    return {name: value for name, value in carrier.items() if name in HEADERS}


@contextmanager
def attached(carrier: Mapping[str, Any]) -> Iterator[None]:
    """Publish in the block as part of the trace in which snapshot() was called."""
    if not is_enabled() or "traceparent" not in carrier:
        yield
        return
    from opentelemetry import context
    from opentelemetry.propagate import extract

    token = context.attach(extract(carrier))
    try:
        yield
    finally:
        context.detach(token)
