"""Is this process up, and can it reach what it needs?"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlow

from celery import current_app
from django.db import connection
from django.http import HttpRequest, JsonResponse

SECONDS = 1.0  # for each part
# A part that hangs keeps its thread until its own socket gives up; the others must not wait behind it.
_threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="health")


def live(request: HttpRequest) -> JsonResponse:
    """200 while this process answers. It looks at nothing else: restarting it would not mend a broker."""
    return JsonResponse({"status": "ok"})


def ready(request: HttpRequest) -> JsonResponse:
    """200 when the database and the broker answer within a second each, else 503 that names what is down."""
    running = {name: _threads.submit(check) for name, check in CHECKS.items()}
    parts = {name: _outcome(future.result) for name, future in running.items()}
    healthy = all(part == "ok" for part in parts.values())
    return JsonResponse({"status": "ok" if healthy else "down", **parts}, status=200 if healthy else 503)


def _outcome(result: Callable[..., None]) -> str:
    try:
        result(timeout=SECONDS)
    except TooSlow:
        return "no answer"
    except Exception:  # noqa: BLE001  whatever it is, it is down; what it says may hold a password
        return "down"
    return "ok"


def _database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()  # this thread serves no request that would close it


def _broker() -> None:
    with current_app.connection_for_write() as broker:
        broker.connect()


CHECKS: dict[str, Callable[[], None]] = {"database": _database, "broker": _broker}
