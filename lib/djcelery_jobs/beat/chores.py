"""Say in one statement which of beat's chores have something to do, so that an idle beat costs little."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from django.utils import timezone

from djcelery_jobs.core import bulk, cancellations, pauses
from djcelery_jobs.core.relay import relay
from djcelery_jobs.models import UNFINISHED, PauseKind, database

LOOK = f"""
    SELECT EXISTS (
            SELECT 1 FROM "djcelery_jobs_job"
            WHERE "state" IN ({", ".join(f"'{state}'" for state in UNFINISHED)}) AND NOT "held" AND "publish_at" <= %s
        ),
        EXISTS (SELECT 1 FROM "djcelery_jobs_job" WHERE "held"),
        EXISTS (SELECT 1 FROM "djcelery_jobs_heldmessage"),
        EXISTS (SELECT 1 FROM "djcelery_jobs_cancellation"),
        EXISTS (SELECT 1 FROM "djcelery_jobs_bulkaction" WHERE "finished_at" IS NULL),
        EXISTS (SELECT 1 FROM "djcelery_jobs_pause" WHERE "kind" = '{PauseKind.ENTRY}')
"""  # noqa: S608  our own names


class Pending(NamedTuple):
    """Say what there is, in the order of LOOK."""

    due_jobs: bool
    held_jobs: bool
    held_messages: bool
    cancellations: bool
    bulk_actions: bool
    paused_entries: bool

    def chores(self) -> Iterable[Callable[[], int]]:
        """Yield what is to be done. Each returns how much it did; BATCH means that there is more."""
        if self.due_jobs:
            yield relay
        if self.held_jobs or self.held_messages:
            yield pauses.release_held
        if self.cancellations:
            yield cancellations.finish
        if self.bulk_actions:
            yield bulk.work_off


def look() -> Pending:
    """Return what there is."""
    connection = database()
    with connection.cursor() as cursor:
        cursor.execute(LOOK, [connection.ops.adapt_datetimefield_value(timezone.now())])
        return Pending(*map(bool, cursor.fetchone()))
