"""The schedule in the database: taken over from the settings once, then owned by the people in the admin."""

import logging
from collections.abc import Iterator
from typing import Any

from celery import Celery, current_app
from celery.schedules import BaseSchedule
from django.db.models.signals import post_migrate
from django.dispatch import receiver
from django_celery_beat.models import PeriodicTask, PeriodicTasks
from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry

from djcelery_jobs.beat.scheduler import Planned, SingleBeatMixin

logger = logging.getLogger(__name__)

# How an entry that came from the settings is told from one that somebody made in the admin.
FROM_SETTINGS = "From CELERY_BEAT_SCHEDULE"


class LockedDatabaseScheduler(SingleBeatMixin, DatabaseScheduler):
    """django-celery-beat's scheduler, one at a time."""

    @classmethod
    def planned(cls, app: Celery, limit: int) -> Iterator[Planned]:
        kinds = ("interval", "crontab", "solar", "clocked")
        for entry in PeriodicTask.objects.enabled().select_related(*kinds).order_by("name")[:limit]:
            last_run = entry.last_run_at
            yield Planned(entry.name, entry.task, readable_schedule(entry), counted_from=last_run, last_run=last_run)

    def setup_schedule(self) -> None:
        # The parent would write CELERY_BEAT_SCHEDULE over the database at every start, and people's edits with it.
        if "celery.backend_cleanup" not in self.schedule:
            self.install_default_entries(self.schedule)

    def take_over(self) -> None:
        self._initial_read = True  # read the entries again: another beat ran them meanwhile
        self._heap = None
        # A change seen before would make the second tick build the heap again, from times before the first one.
        self._heap_invalidated = False


def readable_schedule(entry: PeriodicTask) -> BaseSchedule | None:
    """Return the schedule of an entry. None: Celery refuses what somebody entered, such as 31 February."""
    try:
        return entry.schedule
    except Exception:  # noqa: BLE001  each kind of schedule has its own way to refuse
        return None


@receiver(post_migrate, dispatch_uid="djcelery_jobs.beat.database_scheduler.take_over")
def take_over(app_config: Any, **kwargs: Any) -> None:
    """Create entries that are new in the settings; switch off those that are gone from there. Edits stay."""
    if app_config.label != "django_celery_beat":
        return
    schedule = current_app.conf.beat_schedule
    known = set(PeriodicTask.objects.values_list("name", flat=True))
    for name in sorted(schedule.keys() - known):
        ModelEntry.from_entry(name, app=current_app, **_for_database(schedule[name]))
        logger.info("schedule: took over %s", name)
    gone = PeriodicTask.objects.filter(description=FROM_SETTINGS, enabled=True).exclude(name__in=schedule)
    if gone.update(enabled=False):
        logger.info("schedule: switched off what is no longer in CELERY_BEAT_SCHEDULE")
    PeriodicTasks.update_changed()


def _for_database(entry: dict[str, Any]) -> dict[str, Any]:
    """The entry in the words of django-celery-beat, which calls `expires` otherwise."""
    options = dict(entry.get("options", {}))
    options["expire_seconds"] = options.pop("expires", None)
    return {**entry, "options": options, "description": FROM_SETTINGS}
