"""Carry out what people decide on the page, and record who did what, and when, in the admin's history."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db.models import QuerySet

from djcelery_jobs.core import bulk, pauses
from djcelery_jobs.core.selection import JobFilter, state_of
from djcelery_jobs.models import BulkAction, Job, Pause, State

BATCH = 500  # jobs
VIEW, PAUSE = "djcelery_jobs.view_job", "djcelery_jobs.pause_job"


@dataclass(frozen=True)
class Action:
    """Describe what can be done to jobs.

    name: in URLs, one of bulk.ACTIONS. verb, for_all, past: in words. permission: who may. states: of which jobs, as
    people call them. warning: what happens, to be confirmed.
    """

    name: str
    verb: str
    for_all: str
    past: str
    permission: str
    states: tuple[str, ...]
    warning: str


ACTIONS = {
    action.name: action
    for action in (
        Action(
            "requeue",
            "Send again",
            "Send all again",
            "sent again",
            "djcelery_jobs.requeue_job",
            ("dead", "cancelled"),
            "These jobs start again, as if they had just been dispatched.",
        ),
        Action(
            "discard",
            "Discard",
            "Discard all",
            "discarded",
            "djcelery_jobs.discard_job",
            ("dead",),
            "These jobs will not run again. Their rows are kept until pruning removes them.",
        ),
        Action(
            "cancel",
            "Cancel",
            "Cancel all",
            "cancelled",
            "djcelery_jobs.cancel_job",
            ("waiting", "running", "delayed"),
            "These jobs will not run. Those that run are ended, and what they did in their transaction is rolled back.",
        ),
        Action(
            "run",
            "Run now",
            "Run all now",
            "made due now",
            "djcelery_jobs.run_job",
            ("delayed",),
            "These jobs begin as soon as a worker is free, without waiting for their time.",
        ),
    )
}


def allowed(user: Any) -> list[Action]:
    """Return what this person may do."""
    return [action for action in ACTIONS.values() if user.has_perm(action.permission)]


@dataclass(frozen=True)
class Row:
    """Hold a job to be listed, and what this person may do to it."""

    job: Job
    actions: list[Action]


def rows(jobs: Iterable[Job], user: Any) -> list[Row]:
    """Return the jobs with what this person may do to each."""
    actions = allowed(user)
    return [Row(job, [action for action in actions if state_of(job) in action.states]) for job in jobs]


def actions_of(rows: Iterable[Row]) -> list[Action]:
    """Return what this person may do to at least one of the rows."""
    possible = {action.name for row in rows for action in row.actions}
    return [action for action in ACTIONS.values() if action.name in possible]


def decide(action: str, jobs: QuerySet[Job], *, user: Any) -> int:
    """Carry an action out on those of the jobs that it is for. Return on how many.

    Raise OperationalError when the broker is down.
    """
    carry_out, is_for = bulk.ACTIONS[action]
    ids, count = iter(list(jobs.filter(is_for).values_list("pk", flat=True))), 0
    while batch := list(islice(ids, BATCH)):
        chosen = Job.objects.filter(pk__in=batch)
        try:
            count += carry_out(chosen, by=str(user))
        finally:  # the broker may go down half-way: record the jobs that were decided by then
            decided = chosen.exclude(state=State.DEAD).only("pk", "task")
            _record(user, decided, "CHANGE", f"{ACTIONS[action].past.capitalize()}.")
    return count


def decide_on_all(action: str, selection: JobFilter, expected: int, *, user: Any) -> BulkAction:
    """Let beat carry an action out on every job that matches."""
    row = bulk.start(action, selection, by=str(user), expected=expected)
    _record(user, [row], "ADDITION", f"{ACTIONS[action].verb}: {selection}.", single_object=True)
    return row


def pause(kind: str, name: str, *, user: Any) -> bool:
    """Pause a queue, a task or an entry of the schedule. Return False when it is paused already."""
    is_new = pauses.pause(kind, name, by=str(user))
    if is_new:
        paused = Pause.objects.filter(kind=kind, name=name)
        _record(user, paused, "ADDITION", "Paused.")
    return is_new


def resume(kind: str, name: str, *, user: Any) -> bool:
    """End a pause. Return False when there is none."""
    paused = list(Pause.objects.filter(kind=kind, name=name))
    has_ended = pauses.resume(kind, name, by=str(user))
    if has_ended and paused:
        _record(user, paused, "DELETION", "Resumed.")
    return has_ended


def _record(user: Any, decided: Iterable[Any], flag: str, message: str, **options: bool) -> None:
    """Write into the admin's history."""
    from django.contrib.admin import models as history  # the tags of templates load this module without the admin, too

    history.LogEntry.objects.log_actions(user.pk, decided, getattr(history, flag), message, **options)
