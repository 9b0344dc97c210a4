"""Say in one statement which of beat's chores have something to do, so that an idle beat costs little.

The relay is not among them: it begins with one statement of its own.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from djcelery_jobs.core import bulk, cancellations, pauses
from djcelery_jobs.models import PauseKind, database

LOOK = f"""
    SELECT EXISTS (SELECT 1 FROM "djcelery_jobs_job" WHERE "held"),
        EXISTS (SELECT 1 FROM "djcelery_jobs_heldmessage"),
        EXISTS (SELECT 1 FROM "djcelery_jobs_cancellation"),
        EXISTS (SELECT 1 FROM "djcelery_jobs_bulkaction" WHERE "finished_at" IS NULL),
        EXISTS (SELECT 1 FROM "djcelery_jobs_pause" WHERE "kind" = '{PauseKind.ENTRY}')
"""  # noqa: S608  our own names


class Pending(NamedTuple):
    """Say what there is, in the order of LOOK."""

    held_jobs: bool
    held_messages: bool
    cancellations: bool
    bulk_actions: bool
    paused_entries: bool

    def chores(self) -> Iterable[Callable[[], int]]:
        """Yield what is to be done. Each returns how much it did; BATCH means that there is more."""
        if self.held_jobs or self.held_messages:
            yield pauses.release_held
        if self.cancellations:
            yield cancellations.finish
        if self.bulk_actions:
            yield bulk.work_off


def look() -> Pending:
    """Return what there is."""
    with database().cursor() as cursor:
        cursor.execute(LOOK)
        return Pending(*map(bool, cursor.fetchone()))
