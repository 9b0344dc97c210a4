"""Who causes a job: the request, task or entry of the schedule that this code runs in; and the job that it runs in.

What is in structlog's context when a job is dispatched goes along with it, and is there again while it runs.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any

from celery import Task, current_app
from celery._state import get_current_task  # what the proxy `celery.current_task` calls, at each look at it
from celery.app.task import Context
from django.http import HttpRequest, HttpResponse

from djcelery_jobs.telemetry import tracing
from djcelery_jobs.telemetry.bound_context import bound_contextvars, get_contextvars

_request: ContextVar[HttpRequest | None] = ContextVar("request", default=None)


def remember_request(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: jobs dispatched in this request will say so, and its answer tells the id to look for in the log."""

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
    """In a few words, for whoever looks at the job later."""
    if job := running():
        return f"task {job['task']} {job['task_id']}"[:200]
    request = _request.get()
    if request is None:
        return ""
    user = getattr(request, "user", None)
    path = request.path.replace("\0", "\ufffd")  # which PostgreSQL does not keep
    return f"{user if user and user.is_authenticated else 'a visitor'}, {request.method} {path}"[:200]


def carried() -> dict[str, Any]:
    """What a job that is dispatched here takes along. Its row keeps it, for whoever publishes the job later."""
    return bound() | tracing.carried()


def bound() -> dict[str, Any]:
    """What is in structlog's context, such as request_id, for the jobs that are caused here."""
    return {
        name: value
        for name, value in get_contextvars().items()
        if name != "task_id" and isinstance(value, str | int | float)
    }


@contextmanager
def as_carried(context: Mapping[str, Any]) -> Iterator[None]:
    """Publish in the block as if it were done where carried() was called."""
    names = {name: value for name, value in context.items() if name not in tracing.HEADERS}
    with tracing.continued(context), bound_contextvars(**names):
        yield


def caused_by_entry(name: str) -> AbstractContextManager[None]:
    """In the block, beat sends this entry of the schedule. There is no request, so the run gets an id of its own."""
    return bound_contextvars(request_id=f"beat:{name}:{uuid.uuid4().hex[:12]}")


def running() -> dict[str, Any]:
    """The job that this code runs in, as it stands on each log line; nothing outside of one."""
    request = current_request()
    return describe(get_current_task(), request) if request else {}


def current_request() -> Context | None:
    """Celery's request of the job that this code runs in."""
    task = get_current_task()
    request = task and task.request
    return request if request and request.id else None


def describe(task: Task, request: Context) -> dict[str, Any]:
    """The names under which an execution is found in the log. The first attempt is 1."""
    return {"task_id": request.id, "task": task.name, "queue": queue_of(request), "attempt": request.retries + 1}


def queue_of(request: Context) -> str:
    key = (request.delivery_info or {}).get("routing_key") or ""
    # A delayed message of RabbitMQ has its delay before the name of the queue, a dot after each bit.
    return key if "." not in key or key in current_app.amqp.queues else key.rpartition(".")[2]
