"""Run one beat at a time: as many as you like may stand by, and the one that holds the lock sends."""

import logging
import struct
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from celery import Celery
from celery.beat import ScheduleEntry, Scheduler
from celery.schedules import BaseSchedule, maybe_schedule, schedstate
from django.db import Error as DatabaseError
from django.db import close_old_connections
from django.db.models import Q
from django.db.models.functions import Now
from kombu.exceptions import SerializationError

from djcelery_jobs.beat import chores
from djcelery_jobs.beat.entries import Call
from djcelery_jobs.beat.lease import LeaseLock
from djcelery_jobs.brokers.options import broker_kind
from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.core import liveness_file, pauses
from djcelery_jobs.core.backlog import EarlyLook
from djcelery_jobs.core.dead_queues import DeadQueues
from djcelery_jobs.core.ledger import BATCH
from djcelery_jobs.models import PauseKind, ScheduleState
from djcelery_jobs.telemetry.context import caused_by_entry

logger = logging.getLogger(__name__)

# Sending fails like this when something about the entry is wrong, and then it fails each time. Other failures pass.
FAULTS_OF_AN_ENTRY = (TypeError, ValueError, LookupError, ArithmeticError, struct.error, SerializationError)
LONGEST_PAUSE = 30  # seconds between two tries to send an entry
HOPELESS_PAUSE = 300  # seconds until an entry is tried again that cannot be sent, or whose schedule cannot be computed


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
    """Make a scheduler of any kind send only while this process holds the lock, and exit when it is lost.

    An entry counts as run only when it was sent. Celery's own scheduler writes down a run before it sends, and swallows
    what sending raises.
    """

    held = False

    @classmethod
    def planned(cls, app: Celery, limit: int) -> Iterator[Planned]:
        """Yield the entries, `limit` at most, for code that wants to know them without running a beat."""
        raise NotImplementedError

    @classmethod
    def call_of(cls, app: Celery, name: str) -> Call | None:
        """Return what the entry of this name sends. None: there is no such entry."""
        raise NotImplementedError

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.lease = LeaseLock("beat", seconds=jobs_settings.BEAT_LEASE)
        # Done at each tick, before the chores. Each returns how much it did; BATCH means that there is more.
        self.upkeep: list[Callable[[], int]] = [
            EarlyLook(),
            *([DeadQueues()] if broker_kind() == "rabbitmq" else []),
        ]
        self.paused_entries: set[str] = set()
        self.failure: BaseException | None = None  # why the entry that was sent last was not sent
        self.failures: dict[str, int] = {}  # by entry, since it was last sent
        self.retry_at: dict[str, float] = {}  # on the monotonic clock
        self.unreadable: set[str] = set()
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Return the seconds until the next tick. Raise SystemExit when another beat took the lock over."""
        liveness_file.touch()  # also while it only waits for the lock, or for the database
        try:
            close_old_connections()
            if not (self.held and self.lease.is_fresh) and not self.hold():
                return jobs_settings.BEAT_STANDBY
            done = [work() for work in self.upkeep]
            pending = chores.look()
            done += [work() for work in pending.chores()]
            self.failure = None
            # Read after the chores, which may have taken a while.
            self.paused_entries = pauses.paused(PauseKind.ENTRY) if any(pending) else set()
            seconds = min(super().tick(*args, **kwargs), 0 if BATCH in done else self.max_interval)
        except DatabaseError:
            # Nothing is sent while the lock cannot be seen. It ends by itself if this lasts. Then the times are read
            # again: what was about to be sent is still due.
            self.held = False
            logger.warning("beat: no database, trying again in %s s", jobs_settings.BEAT_STANDBY, exc_info=True)
            return jobs_settings.BEAT_STANDBY
        if self.failure is not None and not isinstance(self.failure, FAULTS_OF_AN_ENTRY):
            self.plan_again()  # Celery has put the entry at its next slot; it is still due for this one
        return seconds

    def hold(self) -> bool:
        """Take or renew the lock, and return whether it is ours."""
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
        """Read what another beat did, when the lock becomes ours."""

    def is_due(self, entry: ScheduleEntry) -> schedstate:
        """Return whether the entry must be sent, and when to check again. One bad entry does not stop the others."""
        wait = self.retry_at.get(entry.name, 0) - time.monotonic()
        if wait > 0:
            return schedstate(False, wait)
        try:
            state = super().is_due(entry)
        except Exception:
            if entry.name not in self.unreadable:
                self.unreadable.add(entry.name)
                logger.exception("beat: the entry %s can never run; correct or disable it", entry.name)
            return schedstate(False, HOPELESS_PAUSE)
        self.unreadable.discard(entry.name)
        return state

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        """Send the entry, and write down that it ran if it was sent.

        `entry` is the state before this run; reserve() has already put the new one into the schedule. The time is
        written after sending: a kill in between sends the run again, and tasks are idempotent.
        """
        # Asked each time, however fresh: the lease may be over after a wait for a broker that was down. It may also be
        # over after a pause of the whole machine, during which the monotonic clock stands still.
        if not self.hold():
            return
        if entry.name in self.paused_entries:
            logger.info("beat: the entry %s is paused, this run is left out", entry.name)
            self.record_skip(entry)
            return
        with caused_by_entry(entry.name):
            super().apply_entry(entry, producer=producer)
        if self.failure is None:
            self.failures.pop(entry.name, None)
            self.record_run(entry)
            return
        self.undo_reserve(entry)
        if isinstance(self.failure, DatabaseError):
            raise self.failure
        self.retry_at[entry.name] = time.monotonic() + self._pause(entry)

    def _pause(self, entry: ScheduleEntry) -> float:
        """Return the seconds until sending is tried again."""
        if isinstance(self.failure, FAULTS_OF_AN_ENTRY):
            return HOPELESS_PAUSE
        count = self.failures[entry.name] = self.failures.get(entry.name, 0) + 1
        return min(jobs_settings.BEAT_STANDBY * 2 ** (count - 1), LONGEST_PAUSE)

    def apply_async(self, *args: Any, **kwargs: Any) -> Any:
        """Send, and remember what went wrong: apply_entry() logs it and says nothing to its caller."""
        try:
            return super().apply_async(*args, **kwargs)
        except Exception as error:
            self.failure = error.__context__ or error
            raise

    def record_run(self, entry: ScheduleEntry) -> None:
        """Write down that the entry was sent."""

    def record_skip(self, entry: ScheduleEntry) -> None:
        """Write down that a run of the entry was left out, because it is paused."""

    def undo_reserve(self, entry: ScheduleEntry) -> None:
        """Forget that the entry was about to be sent."""

    def plan_again(self) -> None:
        """Compute anew when each entry is due."""
        self.populate_heap()

    def close(self) -> None:
        """Write what is left, and give the lock to the next beat."""
        try:
            super().close()
        finally:
            if self.held:
                self.lease.release()


class LockedScheduler(SingleBeatMixin, Scheduler):
    """Send the entries of CELERY_BEAT_SCHEDULE, from one beat at a time.

    The last run of each entry is kept in the database and not in a file. Its time is that of the database, so the
    clocks of the machines that run a beat need not agree.
    """

    @classmethod
    def planned(cls, app: Celery, limit: int) -> Iterator[Planned]:
        """Yield the entries of the settings with their last runs."""
        states = {state.entry: state for state in ScheduleState.objects.all()}
        for name, options in list(app.conf.beat_schedule.items())[:limit]:
            state = states.get(name)
            yield Planned(
                name=name,
                task=options["task"],
                schedule=maybe_schedule(options["schedule"], app=app),
                counted_from=state and state.last_run_at,
                last_run=state and state.ran_at,
            )

    @classmethod
    def call_of(cls, app: Celery, name: str) -> Call | None:
        """Return what the entry of the settings sends."""
        if (entry := app.conf.beat_schedule.get(name)) is None:
            return None
        return Call(entry["task"], entry.get("args", ()), entry.get("kwargs", {}), dict(entry.get("options", {})))

    def take_over(self) -> None:
        """Continue where the last beat stopped."""
        rows = ScheduleState.objects.annotate(now=Now(), is_ahead=Q(last_run_at__gt=Now()))
        states = {row.entry: row for row in rows}
        for name, entry in self.schedule.items():
            if (state := states.get(name)) is None:
                self._write(entry)
                continue
            if state.is_ahead:
                logger.warning(
                    "beat: the last run of %s, %s, is in the future; counting from now", name, state.last_run_at
                )
            last_run = state.now if state.is_ahead else state.last_run_at
            entry.last_run_at = last_run.astimezone(entry.last_run_at.tzinfo)
        self.populate_heap()  # the old one was computed from the old times

    def record_run(self, entry: ScheduleEntry) -> None:
        """Write the moment of the run."""
        self._write(self.schedule[entry.name], ran_at=Now())

    def record_skip(self, entry: ScheduleEntry) -> None:
        """Count the next run from now, as if this one had been sent."""
        self.schedule[entry.name].total_run_count = entry.total_run_count
        self._write(self.schedule[entry.name])

    def undo_reserve(self, entry: ScheduleEntry) -> None:
        """Put the state before the run back into the schedule."""
        self.schedule[entry.name] = entry

    def _write(self, entry: ScheduleEntry, **ran: Any) -> None:
        times = {"last_run_at": Now(), "runs": entry.total_run_count}
        ScheduleState.objects.update_or_create(entry=entry.name, defaults=times | ran)

    @property
    def info(self) -> str:
        """Return the line that beat prints about where its schedule is."""
        return "    . schedule -> CELERY_BEAT_SCHEDULE, last runs -> the database"
