"""Test that one beat runs at a time, and each run is sent once."""

import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from celery import current_app
from celery.schedules import schedule
from django.db import DatabaseError, connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from djcelery_jobs.beat import chores
from djcelery_jobs.beat.lease import LeaseLock
from djcelery_jobs.beat.scheduler import LockedScheduler
from djcelery_jobs.core import bulk, cancellations, pauses
from djcelery_jobs.core.ledger import BATCH
from djcelery_jobs.core.relay import relay
from djcelery_jobs.models import (
    BulkAction,
    Cancellation,
    HeldMessage,
    Job,
    Lease,
    Pause,
    PauseKind,
    ScheduleState,
    State,
)
from djcelery_jobs.tasks import prune

pytestmark = pytest.mark.django_db


@pytest.fixture
def app(conf, monkeypatch):
    """Return the app with one entry that is due every ten minutes."""
    every = {"task": prune.name, "schedule": schedule(timedelta(minutes=10)), "options": {"expires": 60}}
    conf(beat_schedule={"prune": every})
    # The connection of a test is inside the transaction that is rolled back after it.
    monkeypatch.setattr("djcelery_jobs.beat.scheduler.close_old_connections", lambda: None)
    return current_app._get_current_object()


def run(beat, ticks=5):
    for _ in range(ticks):
        beat.tick()


def due(minutes, state=State.WAITING):
    Job.objects.create(queue="fast", state=state, publish_at=datetime.now(UTC) + timedelta(minutes=minutes))


def make_due(minutes=11):
    ScheduleState.objects.update(last_run_at=datetime.now(UTC) - timedelta(minutes=minutes))


def test_sends_what_is_due_once(app, broker):
    beat = LockedScheduler(app)
    run(beat)
    assert broker.waiting()["slow"] == 0
    beat.close()

    make_due()
    run(LockedScheduler(app))
    assert broker.waiting()["slow"] == 1


def test_what_is_due_is_sent_while_the_relay_has_more_to_do(app, broker):
    beat = LockedScheduler(app)
    beat.tick()
    make_due()
    beat.plan_again()
    beat.take_over()
    beat.upkeep = [lambda: BATCH]

    for _ in range(5):
        assert beat.tick() == 0

    assert broker.waiting()["slow"] == 1


def test_with_nothing_to_do_a_tick_is_one_statement_and_one_more_when_the_lease_is_renewed(app, broker):
    beat = LockedScheduler(app)
    run(beat)
    with CaptureQueriesContext(connection) as queries:
        beat.tick()
        beat.lease.renew_at = 0.0
        beat.tick()

    assert [query["sql"].split()[0] for query in queries] == ["SELECT", "UPDATE", "SELECT"]


@pytest.mark.parametrize(
    ("make", "work"),
    [
        (lambda: due(minutes=-1), [relay]),
        (lambda: due(minutes=1), []),
        (lambda: due(minutes=-1, state=State.DONE), []),
        (lambda: Job.objects.create(queue="fast", held=True, publish_at=datetime.now(UTC)), [pauses.release_held]),
        (lambda: HeldMessage.objects.create(), [pauses.release_held]),
        (lambda: Cancellation.objects.create(job=uuid.uuid4()), [cancellations.finish]),
        (lambda: BulkAction.objects.create(action="discard", filter={}), [bulk.work_off]),
        (lambda: BulkAction.objects.create(action="discard", filter={}, finished_at=datetime.now(UTC)), []),
        (lambda: Pause.objects.create(kind=PauseKind.ENTRY, name="prune"), []),
        (lambda: Pause.objects.create(kind=PauseKind.QUEUE, name="fast"), []),
    ],
)
def test_a_chore_is_done_when_there_is_something_to_do(db, make, work):
    assert not any(chores.look())
    make()

    assert list(chores.look().chores()) == work


def test_a_chore_that_has_more_to_do_is_called_again_at_once(app, broker, monkeypatch):
    beat = LockedScheduler(app)
    run(beat)
    monkeypatch.setattr(cancellations, "finish", lambda: BATCH)
    Cancellation.objects.create(job=uuid.uuid4())

    assert beat.tick() == 0


def test_what_it_sends_names_the_entry(app, broker):
    run(LockedScheduler(app))
    make_due()
    Lease.objects.all().delete()
    run(LockedScheduler(app))

    [ran] = broker.drain()
    assert ran.headers["__django_structlog__"]["request_id"].startswith("beat:prune:")


def test_what_is_planned_can_be_known_without_running_a_beat(app):
    [entry] = LockedScheduler.planned(app, limit=10)
    assert (entry.name, entry.counted_from, entry.last_run) == ("prune", None, None)

    run(LockedScheduler(app))
    [entry] = LockedScheduler.planned(app, limit=10)
    assert (entry.counted_from is None, entry.last_run) == (False, None)  # it was seen, and has not run

    make_due(minutes=4)
    ScheduleState.objects.update(runs=1, ran_at=F("last_run_at"))
    [entry] = LockedScheduler.planned(app, limit=10)
    assert (entry.task, entry.schedule.run_every) == ("djcelery_jobs.tasks.prune", timedelta(minutes=10))
    assert entry.last_run == entry.counted_from
    assert list(LockedScheduler.planned(app, limit=0)) == []


def test_each_tick_is_a_sign_of_life_also_while_another_beat_holds_the_lock(app, settings, tmp_path):
    settings.DJCELERY_JOBS = {"HEARTBEAT_FILE": str(tmp_path / "heartbeat")}
    LeaseLock("beat", seconds=60).hold()
    run(LockedScheduler(app), ticks=1)

    assert (tmp_path / "heartbeat").exists()


def test_of_two_beats_one_sends(app, broker):
    run(LockedScheduler(app))
    make_due()
    Lease.objects.all().delete()
    beats = [LockedScheduler(app), LockedScheduler(app)]

    for _ in range(5):
        for beat in beats:
            beat.tick()

    assert broker.waiting()["slow"] == 1
    assert [beat.held for beat in beats] == [True, False]


def test_a_killed_beat_is_replaced_when_its_lease_is_over(app):
    killed, standby = LockedScheduler(app), LockedScheduler(app)
    run(killed)
    run(standby)
    assert not standby.held

    Lease.objects.update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    run(standby)
    assert standby.held

    killed.lease.renew_at = 0.0  # so long after it was renewed, it asks
    with pytest.raises(SystemExit):
        run(killed)


def test_many_missed_slots_are_one_run(app, broker):
    run(LockedScheduler(app))
    Lease.objects.all().delete()
    make_due(minutes=600)

    run(LockedScheduler(app))

    assert broker.waiting()["slow"] == 1


def test_a_beat_that_closes_gives_the_lock_to_the_next_at_once(app):
    first, second = LockedScheduler(app), LockedScheduler(app)
    run(first)
    first.close()

    run(second)

    assert second.held


def test_a_standby_that_closes_leaves_the_lock_alone(app):
    first, second = LockedScheduler(app), LockedScheduler(app)
    run(first)
    run(second)
    second.close()
    assert Lease.objects.exists()


def test_sends_nothing_when_the_lock_went_while_it_waited_for_the_broker(app, broker):
    run(LockedScheduler(app))
    make_due()
    Lease.objects.all().delete()
    beat = LockedScheduler(app)
    beat.lease.hold()
    beat.hold()
    Lease.objects.update(holder="another")

    with pytest.raises(SystemExit):
        beat.apply_entry(beat.schedule["prune"])

    assert broker.waiting()["slow"] == 0


@pytest.fixture
def fails(monkeypatch):
    """Let the task of the entry fail to be sent: fails(ConnectionError)."""

    def fail(error: type[Exception]) -> None:
        def apply_async(*args: object, **options: object) -> None:
            raise error

        monkeypatch.setattr(prune, "apply_async", apply_async)

    return fail


def test_what_could_not_be_sent_is_still_due_and_is_sent_later(app, broker, fails, monkeypatch):
    beat = LockedScheduler(app)
    run(beat)
    make_due()
    before = ScheduleState.objects.get()
    beat.take_over()
    with monkeypatch.context() as outage:
        outage.setattr(prune, "apply_async", _away)
        run(beat)
    after = ScheduleState.objects.get()
    assert (after.last_run_at, after.runs) == (before.last_run_at, 0)
    assert beat.tick() > 0  # it waits a little before it tries again

    beat.retry_at.clear()  # a little later
    beat.plan_again()
    run(beat)
    assert broker.waiting()["slow"] == 1
    assert ScheduleState.objects.get().runs == 1
    run(beat)
    assert broker.waiting()["slow"] == 1


def test_the_pauses_between_two_tries_grow(app, broker, fails):
    fails(ConnectionError)
    beat = LockedScheduler(app)
    run(beat)
    make_due()
    beat.take_over()
    waits = []
    for _ in range(8):
        beat.retry_at.clear()
        beat.plan_again()
        run(beat)
        waits.append(round(beat.retry_at["prune"] - time.monotonic()))

    assert waits == [2, 4, 8, 16, 30, 30, 30, 30]


def test_what_can_never_be_sent_is_not_recorded_as_run_and_stops_nobody(app, conf, broker, fails):
    fails(TypeError)
    conf(beat_schedule={**app.conf.beat_schedule, "other": dict(app.conf.beat_schedule["prune"], task="other.task")})
    beat = LockedScheduler(app)
    run(beat)
    make_due()
    beat.take_over()
    sent = []
    beat.send_task = lambda task, *args, **options: sent.append(task)
    run(beat, ticks=10)

    assert ScheduleState.objects.get(entry="prune").runs == 0
    assert sent == ["other.task"]


def test_a_database_that_goes_while_an_entry_is_sent_is_waited_for(app, broker, fails):
    fails(DatabaseError)
    beat = LockedScheduler(app)
    run(beat)
    make_due()
    beat.take_over()

    assert run(beat, ticks=1) is None
    assert not beat.held
    assert ScheduleState.objects.get().runs == 0


def test_a_last_run_in_the_future_counts_as_now(app, broker, caplog):
    beat = LockedScheduler(app)
    run(beat)
    make_due(minutes=-24 * 60)
    beat.take_over()

    assert beat.schedule["prune"].last_run_at <= datetime.now(UTC) + timedelta(seconds=5)
    assert "is in the future" in caplog.text


def test_the_times_are_the_databases(app, broker, monkeypatch):
    monkeypatch.setattr(app, "now", lambda: datetime.now(UTC) + timedelta(days=1))  # the clock of beat's machine
    run(LockedScheduler(app))

    assert ScheduleState.objects.get().last_run_at < datetime.now(UTC) + timedelta(minutes=1)


class Never(schedule):
    """Act as a schedule that cannot be computed, such as 31 February."""

    def is_due(self, last_run_at: datetime) -> None:
        raise RuntimeError


def test_a_schedule_that_can_never_run_stops_nobody_and_says_so_once(app, conf, broker, caplog):
    entry = app.conf.beat_schedule["prune"]
    conf(beat_schedule={"never": dict(entry, schedule=Never(timedelta(minutes=1))), "prune": entry})
    beat = LockedScheduler(app)
    run(beat)
    make_due()
    beat.take_over()
    run(beat, ticks=10)

    assert broker.waiting()["slow"] == 1
    assert caplog.text.count("the entry never can never run") <= 1


def _away(*args: object, **options: object) -> None:
    raise ConnectionError


def test_waits_while_the_database_is_away(app, monkeypatch):
    beat = LockedScheduler(app)

    def unreachable(self):
        raise DatabaseError

    monkeypatch.setattr(LeaseLock, "hold", unreachable)
    assert beat.tick() > 0


@pytest.fixture
def slow(monkeypatch):
    """Answer first after more than a lease of 15 seconds."""
    times = iter([0.0, 16.0])
    monkeypatch.setattr("djcelery_jobs.beat.lease.time.monotonic", lambda: next(times, 16.0))


def test_an_answer_that_was_longer_under_way_than_the_lease_is_not_believed(slow, monkeypatch):
    late, meanwhile = LeaseLock("x", seconds=15), LeaseLock("x", seconds=60)
    answers = iter([lambda: True, late._hold])  # it was ours when the database said so, a lease ago
    monkeypatch.setattr(late, "_hold", lambda: next(answers)())
    meanwhile._hold()

    assert not late.hold()


def test_a_slow_database_takes_no_lock_away(slow):
    assert LeaseLock("x", seconds=15).hold()


def test_a_lease_is_fresh_for_a_third_of_its_time(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("djcelery_jobs.beat.lease.time.monotonic", lambda: now[0])
    lease, other = LeaseLock("x", seconds=15), LeaseLock("x", seconds=15)
    assert not lease.is_fresh

    lease.hold()
    now[0] += 4.9
    assert lease.is_fresh
    now[0] += 0.2
    assert not lease.is_fresh
    lease.hold()
    assert lease.is_fresh

    lease.release()
    assert not lease.is_fresh
    other.hold()
    assert not lease.hold()
    assert not lease.is_fresh


def test_a_lease_is_taken_once():
    first, second = LeaseLock("x", seconds=60), LeaseLock("x", seconds=60)

    assert first.hold()
    assert not second.hold()
    assert first.hold()
    first.release()
    assert second.hold()
