"""Know what causes a job (the request, task or schedule entry that this code runs in), and in which job it runs.

The names in structlog's context when a job is dispatched travel with it, and are bound again while it runs.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any

from celery import Task, current_app, current_task
from celery.app.task import Context
from django.http import HttpRequest, HttpResponse

from djcelery_jobs.telemetry import tracing
from djcelery_jobs.telemetry.bound_context import bound_contextvars, get_contextvars

_request: ContextVar[HttpRequest | None] = ContextVar("request", default=None)


def remember_request(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Record in each job which request dispatched it, and send the id of the request in the response."""

    def middleware(request: HttpRequest) -> HttpResponse:
        token = _request.set(request)
        try:
            response = get_response(request)
        finally:
            _request.reset(token)
        if request_id := get_contextvars().get("request_id"):
            response["X-Request-ID"] = request_id
        return response

    return middleware


def dispatcher() -> str:
    """Return in a few words who dispatches, for people who look at the job later."""
    if job := running():
        return f"task {job['task']} {job['task_id']}"[:200]
    request = _request.get()
    if request is None:
        return ""
    user = getattr(request, "user", None)
    path = request.path.replace("\0", "\ufffd")  # which PostgreSQL does not keep
    return f"{user if user and user.is_authenticated else 'a visitor'}, {request.method} {path}"[:200]


def snapshot() -> dict[str, Any]:
    """Return the context that a job dispatched here takes along. Its row keeps it until the job is published."""
    return bound() | tracing.snapshot()


def bound() -> dict[str, Any]:
    """Return the names in structlog's context, such as request_id, for the jobs that are caused here."""
    return {
        name: value
        for name, value in get_contextvars().items()
        if name != "task_id" and isinstance(value, str | int | float)
    }


@contextmanager
def restored(context: Mapping[str, Any]) -> Iterator[None]:
    """Publish in the block as if it happened where snapshot() was called."""
    names = {name: value for name, value in context.items() if name not in tracing.HEADERS}
    with tracing.attached(context), bound_contextvars(**names):
        yield


def caused_by_entry(name: str) -> AbstractContextManager[None]:
    """Bind an id of its own to the run of a schedule entry that beat sends in the block. There is no request."""
    return bound_contextvars(request_id=f"beat:{name}:{uuid.uuid4().hex[:12]}")


def running() -> dict[str, Any]:
    """Return the names of the current job, as each log line has them. Empty outside a job."""
    # One look at the proxy: it finds the task anew each time.
    task = current_task._get_current_object()
    request = task and task.request
    return describe(task, request) if request and request.id else {}


def current_request() -> Context | None:
    """Return Celery's request of the job that this code runs in, if there is one."""
    task = current_task._get_current_object()
    request = task and task.request
    return request if request and request.id else None


def describe(task: Task, request: Context) -> dict[str, Any]:
    """Return the names under which an execution is found in the log. The first attempt is 1."""
    return {"task_id": request.id, "task": task.name, "queue": queue_of(request), "attempt": request.retries + 1}


def queue_of(request: Context) -> str:
    """Return the queue that the job came by, or nothing when its message does not say."""
    key = (request.delivery_info or {}).get("routing_key") or ""
    # A delayed message of RabbitMQ has its delay before the name of the queue, a dot after each bit.
    return key if "." not in key or key in current_app.amqp.queues else key.rpartition(".")[2]
