"""Beat, one at a time: as many as you like may run, the one that holds the lock sends."""

import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from celery import Celery
from celery.beat import ScheduleEntry, Scheduler
from celery.schedules import BaseSchedule, maybe_schedule
from django.db import Error as DatabaseError
from django.db import close_old_connections

from djcelery_jobs.beat.lease import LeaseLock
from djcelery_jobs.brokers.options import broker_kind
from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.core import dead_queues, liveness_file
from djcelery_jobs.core.ledger import BATCH
from djcelery_jobs.core.relay import relay
from djcelery_jobs.models import ScheduleState
from djcelery_jobs.telemetry.context import caused_by_entry

logger = logging.getLogger(__name__)


class Planned(NamedTuple):
    """Describe an entry of the schedule.

    schedule: None when it cannot be read. counted_from: its next run is counted from this moment, None for now.
    last_run: None when it has not run yet.
    """

    name: str
    task: str
    schedule: BaseSchedule | None
    counted_from: datetime | None
    last_run: datetime | None


class SingleBeatMixin:
    """For a scheduler of any kind: send only while this process holds the lock, and leave when it is lost."""

    held = False

    @classmethod
    def planned(cls, app: Celery, limit: int) -> Iterator[Planned]:
        """The entries, so many at most, for whoever wants to know them without running a beat."""
        raise NotImplementedError

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.lease = LeaseLock("beat", seconds=jobs_settings.BEAT_LEASE)
        # Each returns how much it did; BATCH means that there is more.
        self.upkeep = [relay, dead_queues.drain] if broker_kind() == "rabbitmq" else [relay]
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Seconds until the next tick. Raises SystemExit when another beat took the lock over."""
        liveness_file.touch()  # also while it only waits for the lock, or for the database
        try:
            close_old_connections()
            if not self.hold():
                return jobs_settings.BEAT_STANDBY
            if any(work() == BATCH for work in self.upkeep):
                return 0
            return min(super().tick(*args, **kwargs), self.max_interval)
        except DatabaseError:
            # Nothing is sent while the lock cannot be seen. It ends by itself if this lasts. Then the times are read
            # again: what was about to be sent is still due.
            self.held = False
            logger.warning("beat: no database, trying again in %s s", jobs_settings.BEAT_STANDBY, exc_info=True)
            return jobs_settings.BEAT_STANDBY

    def hold(self) -> bool:
        if self.lease.hold():
            if not self.held:
                self.held = True
                logger.info("beat: holds the lock as %s", self.lease.holder)
                self.take_over()
            return True
        if self.held:
            logger.error("beat: another one has taken the lock over, leaving")
            raise SystemExit(1)
        return False

    def take_over(self) -> None:
        """Called when the lock becomes ours. What another beat did meanwhile is in the database."""

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        # Waiting for a broker that was away may have taken longer than the lease.
        if self.hold():
            with caused_by_entry(entry.name):
                super().apply_entry(entry, producer=producer)

    def close(self) -> None:
        try:
            super().close()
        finally:
            if self.held:
                self.lease.release()


class LockedScheduler(SingleBeatMixin, Scheduler):
    """The schedule in CELERY_BEAT_SCHEDULE. When each entry ran is kept in the database, not in a file."""

    @classmethod
    def planned(cls, app: Celery, limit: int) -> Iterator[Planned]:
        states = {state.entry: state for state in ScheduleState.objects.all()}
        for name, options in list(app.conf.beat_schedule.items())[:limit]:
            state = states.get(name)
            yield Planned(
                name=name,
                task=options["task"],
                schedule=maybe_schedule(options["schedule"], app=app),
                counted_from=state and state.last_run_at,
                # Beat also writes the moment when it first saw an entry, from which it counts.
                last_run=state.last_run_at if state and state.runs else None,
            )

    def take_over(self) -> None:
        last_runs = dict(ScheduleState.objects.values_list("entry", "last_run_at"))
        for name, entry in self.schedule.items():
            if name in last_runs:
                entry.last_run_at = last_runs[name].astimezone(entry.last_run_at.tzinfo)
            else:
                self.remember(entry)
        self._heap = None  # computed from the old times

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        # `entry` is the state before this run; reserve() has already put the new one into the schedule. The time is
        # written after sending: a kill in between sends the run again, and tasks are idempotent.
        super().apply_entry(entry, producer=producer)
        self.remember(self.schedule[entry.name])

    def remember(self, entry: ScheduleEntry) -> None:
        ScheduleState.objects.update_or_create(
            entry=entry.name, defaults={"last_run_at": entry.last_run_at, "runs": entry.total_run_count}
        )

    @property
    def info(self) -> str:
        return "    . schedule -> CELERY_BEAT_SCHEDULE, last runs -> the database"
