"""Keep the schedule in the database: taken over from the settings once, then edited by people in the admin."""

import logging
from collections.abc import Iterator
from typing import Any

from celery import Celery, current_app
from celery.schedules import BaseSchedule
from django.db.models.functions import Now
from django.db.models.signals import post_migrate
from django.dispatch import receiver
from django_celery_beat.models import PeriodicTask, PeriodicTasks
from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry
from kombu.utils.json import loads

from djcelery_jobs.beat.entries import Call
from djcelery_jobs.beat.scheduler import Planned, SingleBeatMixin

logger = logging.getLogger(__name__)

# How an entry that came from the settings is told from one that somebody made in the admin.
FROM_SETTINGS = "From CELERY_BEAT_SCHEDULE"


class LockedDatabaseScheduler(SingleBeatMixin, DatabaseScheduler):
    """Send the entries of django-celery-beat, from one beat at a time."""

    @classmethod
    def planned(cls, app: Celery, limit: int) -> Iterator[Planned]:
        """Yield the entries that are switched on, by name."""
        kinds = ("interval", "crontab", "solar", "clocked")
        for entry in PeriodicTask.objects.enabled().select_related(*kinds).order_by("name")[:limit]:
            counted_from = entry.last_run_at
            # Beat also writes the moment when it first saw an entry, from which it counts.
            last_run = counted_from if entry.total_run_count else None
            yield Planned(entry.name, entry.task, readable_schedule(entry), counted_from, last_run)

    @classmethod
    def call_of(cls, app: Celery, name: str) -> Call | None:
        """Return what the entry sends, also one that is switched off."""
        if (row := PeriodicTask.objects.filter(name=name).first()) is None:
            return None
        options: dict[str, Any] = {"queue": row.queue, "priority": row.priority, "expires": row.expires_}
        options["headers"] = loads(row.headers or "{}")
        present = {option: value for option, value in options.items() if value}
        return Call(row.task, loads(row.args or "[]"), loads(row.kwargs or "{}"), present)

    def setup_schedule(self) -> None:
        """Read the entries. The parent would write CELERY_BEAT_SCHEDULE over people's edits at every start."""
        if "celery.backend_cleanup" not in self.schedule:
            self.install_default_entries(self.schedule)

    def all_as_schedule(self) -> dict[str, ModelEntry]:
        """Return the entries by name, without those that hold something which nobody can read."""
        entries = {}
        for row in self.enabled_models():
            try:
                entries[row.name] = self.Entry(row, app=self.app)
            except Exception:
                logger.exception("beat: the entry %s cannot be read and is left out; correct or disable it", row.name)
        return entries

    def take_over(self) -> None:
        """Read the entries again, which another beat ran meanwhile."""
        ahead = PeriodicTask.objects.filter(last_run_at__gt=Now())
        if names := list(ahead.values_list("name", flat=True)):
            logger.warning("beat: the last runs of %s are in the future; counting from now", ", ".join(names))
            ahead.update(last_run_at=Now())
        self.plan_again()

    def plan_again(self) -> None:
        """Read the entries anew, since those here have the times of the last read, and compute when each is due."""
        self._initial_read = True
        # A change seen before would make the second tick build the heap again, from times before the first one.
        self._heap_invalidated = False
        self.populate_heap()

    def record_skip(self, entry: ModelEntry) -> None:
        """Take back the count of a run that was left out. Its time stays, so that the next run is counted from it."""
        model = self.schedule[entry.name].model
        model.total_run_count = entry.total_run_count

    def undo_reserve(self, entry: ModelEntry) -> None:
        """Put the state before the run back into the row; a sync may have written the new one."""
        entry.model.last_run_at, entry.model.total_run_count = entry.last_run_at, entry.total_run_count
        entry.save()


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
    """Return the entry in the words of django-celery-beat, which has another name for `expires`."""
    options = dict(entry.get("options", {}))
    options["expire_seconds"] = options.pop("expires", None)
    return {**entry, "options": options, "description": FROM_SETTINGS}
