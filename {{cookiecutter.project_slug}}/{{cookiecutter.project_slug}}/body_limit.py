"""Refuse request bodies that are too large."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

View = Callable[[HttpRequest], HttpResponse]


def limit_body(get_response: View) -> View:
    """Answer 413 if a body is larger than MAX_BODY_SIZE, before Django or a view reads it.

    Django limits the part of a body that it keeps in memory, but not the files, which it writes to /tmp.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if _length(request) > settings.MAX_BODY_SIZE:
            return HttpResponse("The request is too large.", status=413, content_type="text/plain")
        return get_response(request)

    return middleware


def _length(request: HttpRequest) -> int:
    """Return the declared length. Django reads nothing of a body without a valid one."""
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0
