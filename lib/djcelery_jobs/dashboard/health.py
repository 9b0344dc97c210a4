"""Is this process up, can it reach what it needs, and is every queue worked on?"""

import time
from collections.abc import Callable
from concurrent.futures import TimeoutError as TooSlow
from typing import Any

from django.db import connection
from django.http import HttpRequest, JsonResponse

from djcelery_jobs.brokers import ping
from djcelery_jobs.brokers.single_flight import SingleFlight
from djcelery_jobs.dashboard.state import State

SECONDS = 0.9  # for all parts together, so that the whole answer takes less than one


def live(request: HttpRequest) -> JsonResponse:
    """200 while this process answers. It looks at nothing else: restarting it would not mend a broker."""
    return JsonResponse({"status": "ok"})


def ready(request: HttpRequest) -> JsonResponse:
    """200 when the database and the broker answer within a second, else 503 that names what is down."""
    found = parts()
    healthy = all(part == "ok" for part in found.values())
    return JsonResponse({"status": "ok" if healthy else "down", **found}, status=200 if healthy else 503)


def parts() -> dict[str, str]:
    """Of each part: "ok", "down" or "no answer". All are asked at the same time."""
    asked, deadline = {name: part.start() for name, part in PARTS.items()}, time.monotonic() + SECONDS
    return {name: outcome(answer.result, max(0, deadline - time.monotonic())) for name, answer in asked.items()}


def outcome(result: Callable[..., Any], seconds: float) -> str:
    try:
        result(timeout=seconds)
    except TooSlow:
        return "no answer"
    except Exception:  # noqa: BLE001  whatever it is, it is down; what it says may hold a password
        return "down"
    return "ok"


def problems(state: State) -> list[str]:
    """A sentence for each thing that somebody must see to. Dead jobs are none: they wait for a decision."""
    found = []
    if state.broker != "ok":
        found.append(f"The broker: {state.broker}. Durable jobs are kept and sent when it is back.")
    for queue in state.queues:
        if not queue.consumers and state.broker == "ok":  # no worker can consume from a broker that is away
            command = f"manage.py worker {queue.name}"
            found.append(f"No live worker consumes the queue {queue.name}. Start one: {command}")
    for worker in state.workers:
        if worker.alive and not worker.consuming and state.broker == "ok":
            found.append(f"The worker {worker.name} lives and does not consume its queues. Restart it.")
    if not state.beat.alive:
        found.append("No beat runs: nothing is scheduled, and jobs that a broker lost are not sent again.")
    return found


def _database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()  # this thread serves no request that would close it


PARTS: dict[str, SingleFlight] = {"database": SingleFlight(_database), "broker": ping.shared_ping}
