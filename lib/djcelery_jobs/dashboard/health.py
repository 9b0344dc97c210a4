"""Answer whether this process runs, whether it reaches what it needs, and whether every queue is worked on."""

import time
from collections.abc import Callable
from concurrent.futures import TimeoutError as TooSlow
from typing import Any

from django.db import connection
from django.http import HttpRequest, JsonResponse

from djcelery_jobs.brokers import ping
from djcelery_jobs.brokers.single_flight import SingleFlight
from djcelery_jobs.dashboard.snapshot import ScheduledEntry, Snapshot
from djcelery_jobs.dashboard.wording import span

OVERDUE = 60  # seconds after which a scheduled run is late; beat looks every few seconds
CLOCKS_APART = 10  # seconds
SECONDS = 0.9  # for all parts together, so that the whole answer takes less than one


def live(request: HttpRequest) -> JsonResponse:
    """Answer 200 while this process runs. Check nothing else: a restart would not repair a broker."""
    return JsonResponse({"status": "ok"})


def ready(request: HttpRequest) -> JsonResponse:
    """Answer 200 when the database and the broker answer within a second, else 503 with the name of what is down."""
    outcomes = parts()
    healthy = all(outcome == "ok" for outcome in outcomes.values())
    return JsonResponse({"status": "ok" if healthy else "down", **outcomes}, status=200 if healthy else 503)


def parts() -> dict[str, str]:
    """Return "ok", "down" or "no answer" for each part. All parts are asked at the same time."""
    answers = {name: part.start() for name, part in PARTS.items()}
    deadline = time.monotonic() + SECONDS
    return {name: outcome(answer.result, max(0, deadline - time.monotonic())) for name, answer in answers.items()}


def outcome(result: Callable[..., Any], seconds: float) -> str:
    """Wait for a result, and return what became of it in one word."""
    try:
        result(timeout=seconds)
    except TooSlow:
        return "no answer"
    except Exception:  # noqa: BLE001  whatever it is, the part is down; its text may hold a password
        return "down"
    return "ok"


def problems(snapshot: Snapshot) -> list[str]:
    """Return a sentence for each problem that needs somebody. Dead jobs do not count: they wait for a decision."""
    sentences = []
    # No worker can consume from a broker that is down.
    broker_answers = snapshot.broker == "ok"
    if not broker_answers:
        state = "is down" if snapshot.broker == "down" else "does not answer"
        sentences.append(f"The broker {state}. Durable jobs are stored, and sent when it is back.")
    sentences += [
        f"No worker consumes the queue {queue.name}. Start one: manage.py worker {queue.name}"
        for queue in snapshot.queues
        if broker_answers and not queue.consumers and not queue.paused
    ]
    sentences += [
        f"The worker {worker.name} is alive but does not consume its queues. Restart it."
        for worker in snapshot.workers
        if broker_answers and worker.alive and not worker.consuming
    ]
    if not snapshot.beat.alive:
        sentences.append("Beat is not running: scheduled jobs are not sent, and jobs that a broker lost stay lost.")
    sentences += [
        f'The schedule entry "{entry.name}" can never run ({entry.schedule}). Correct or disable it.'
        for entry in snapshot.beat.entries
        if entry.next is None
    ]
    sentences += [sentence for entry in snapshot.beat.entries if (sentence := _lateness(entry, snapshot.beat.alive))]
    return sentences


def _lateness(entry: ScheduledEntry, beat_runs: bool) -> str:
    """Return a sentence about an entry whose last run was recorded wrongly, or whose next one does not come."""
    if entry.ahead > CLOCKS_APART:
        return (
            f'The last run of the schedule entry "{entry.name}" is {span(entry.ahead)} in the future, so it is not due '
            "until then. Restart beat, which then counts from now, and correct the clock that was wrong."
        )
    if beat_runs and not entry.paused and entry.next is not None and entry.overdue > OVERDUE:
        return f'The schedule entry "{entry.name}" is overdue by {span(entry.overdue)}. The log of beat says why.'
    return ""


def _database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()  # this thread serves no request that would close it


PARTS: dict[str, SingleFlight] = {"database": SingleFlight(_database), "broker": ping.shared_ping}
