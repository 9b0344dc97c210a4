"""Who dispatches: the request or the task that this code runs in."""

from collections.abc import Callable
from contextvars import ContextVar

from celery import current_task
from django.http import HttpRequest, HttpResponse

_request: ContextVar[HttpRequest | None] = ContextVar("request", default=None)


def remember_request(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: jobs dispatched in this request will say so."""

    def middleware(request: HttpRequest) -> HttpResponse:
        token = _request.set(request)
        try:
            return get_response(request)
        finally:
            _request.reset(token)

    return middleware


def dispatcher() -> str:
    """In a few words, for whoever looks at the job later."""
    if current_task and current_task.request.id:
        return f"task {current_task.name} {current_task.request.id}"[:200]
    request = _request.get()
    if request is None:
        return ""
    user = getattr(request, "user", None)
    return f"{user if user and user.is_authenticated else 'a visitor'}, {request.method} {request.path}"[:200]
