"""Test that whatever happens to jobs, and in whatever order, ledger.py keeps its promise.

Hypothesis makes up the order: it calls the rules below in thousands of ways, looks at the invariants after each step,
and shows the shortest way to break one. More of them: LIVES=1000 pytest tests/lib/test_life_of_a_job.py
"""

import itertools
import os
import uuid
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import pytest
from celery import current_app
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.db.models import F
from django.test import TestCase
from django.utils import timezone
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from djcelery_jobs import operations
from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.core import cancellations, ledger, outbox, pauses
from djcelery_jobs.core.current_job import SnoozedError
from djcelery_jobs.core.durable import DurableTask
from djcelery_jobs.core.effect_once import effect_once
from djcelery_jobs.core.relay import relay
from djcelery_jobs.core.republish_delays import run_deadline
from djcelery_jobs.models import UNFINISHED, Cancellation, Effect, Job, Pause, State, Tally
from djcelery_jobs.tasks import prune

User = get_user_model()
LIVES = int(os.environ.get("LIVES", "6"))
# How one run goes. Killed is what no code can catch; here it is an exception that the code does not catch.
COURSES = [
    "works",
    "killed before",
    "killed after",
    "transient",
    "wrong",
    "snoozes",
    "cancelled before",
    "cancelled after",
]
WEEK = 8 * 24 * 3600  # seconds, and a little longer than finished jobs are kept
ALL_OF_IT = (
    jobs_settings.REPUBLISH_AFTER * 2**jobs_settings.REPUBLISH_DOUBLINGS
)  # seconds after which the relay has published everything unfinished


class Killed(BaseException):
    """Say that the process ended here."""


@dataclass(frozen=True)
class Message:
    job: Job
    id: str


@dataclass
class Standing:
    """Hold a run that has begun and stands still. age: seconds. A worker of its own has it."""

    message: Message
    begun: Job
    worker: str
    age: float = 0


class LifeOfAJob(RuleBasedStateMachine):
    """Hold jobs, the messages that were published for them, and the runs that stand still."""

    def __init__(self, short: DurableTask, long: DurableTask) -> None:
        super().__init__()
        self.tasks = [short, long]
        self.messages: list[Message] = []  # all that were published
        self.standing: list[Standing] = []
        self.dispatched: dict[str, DurableTask] = {}  # by the job's name, which is its argument
        self.numbers = itertools.count()
        self.done_and_pruned: set[str] = set()
        self.given_up: set[str] = set()
        self.killed: Counter[str] = Counter()
        self.failed: set[str] = set()
        self.cancelled: set[str] = set()  # somebody asked for their end
        self.course = "works"
        self.runs = 0

    # -- What the two tasks do, and what the broker does with a message

    def run_short(self, name: str) -> None:
        self.go_wrong(name, "before")
        make_effect(name)
        self.go_wrong(name, "after")

    def run_long(self, name: str) -> None:
        self.go_wrong(name, "before")
        with effect_once(name) as first:
            if first:
                make_effect(name)
        self.go_wrong(name, "after")

    def go_wrong(self, name: str, when: str) -> None:
        self.runs += when == "before"
        if self.course == f"killed {when}":
            self.killed[name] += 1
            raise Killed
        # A short one is cancelled while it stands still: here, its transaction would hold what somebody else asks for.
        if self.course == f"cancelled {when}" and not self.dispatched[name].one_transaction:
            self.cancel(name)
        if when == "before" and self.course == "snoozes":
            raise SnoozedError(timezone.now() + timedelta(seconds=10))
        if when == "after" and self.course in ("transient", "wrong"):
            self.failed.add(name)
            raise ConnectionResetError if self.course == "transient" else ValueError(name)

    def accept(self, job: Job, **options: object) -> None:
        self.messages.append(Message(job, uuid.uuid4().hex))

    def any_message(self) -> st.SearchStrategy[Message]:
        """Return the messages in one order: the relay publishes jobs that are due at the same moment in any."""
        return st.sampled_from(sorted(self.messages, key=lambda message: name_of(message.job)))

    # -- What may happen

    @initialize()
    def begin_with_two(self):
        for task in self.tasks:
            self.dispatch_one(task, None, "commits")

    @rule(
        long=st.booleans(),
        countdown=st.sampled_from([None, 10]),
        ends=st.sampled_from(["commits", "rolls back", "is killed after the commit"]),
    )
    def dispatch(self, long, countdown, ends):
        self.dispatch_one(self.tasks[long], countdown, ends)

    def dispatch_one(self, task: DurableTask, countdown: int | None, ends: str) -> None:
        name = f"job {next(self.numbers)}"
        with TestCase.captureOnCommitCallbacks(execute=ends == "commits"), transaction.atomic():
            task.apply_async([name], countdown=countdown)
            transaction.set_rollback(ends == "rolls back")
        if ends != "rolls back":
            self.dispatched[name] = task

    # A broker may deliver what was published at any time, as often as it likes, or never.

    @precondition(lambda self: self.messages)
    @rule(data=st.data(), course=st.sampled_from(COURSES), redelivered=st.booleans())
    def deliver(self, data, course, redelivered):
        self.run(data.draw(self.any_message()), course, redelivered)

    @precondition(lambda self: self.messages)
    @rule(data=st.data(), redelivered=st.booleans())
    def stand_still(self, data, redelivered):
        """Take a message as a worker, count the run, and be slower than all others, or dead."""
        message = data.draw(self.any_message())
        job, worker = message.job, f"worker {next(self.numbers)}"
        delivery = ledger.Delivery(
            job_id=job.pk,
            task=job.task,
            one_transaction=in_one_transaction(job),
            redelivered=redelivered,
            message_id=message.id,
            worker=worker,
            queue=job.queue,
        )
        paused, begun = is_paused(job), None
        with suppress(ledger.GivenUpError):
            begun = ledger.begin(delivery)
        if begun:
            assert not paused, "what is paused does not start"
            self.is_alone(message, redelivered)
            self.killed[name_of(job)] += 1
            self.standing.append(Standing(message, begun, worker))

    @precondition(lambda self: self.standing)
    @rule(data=st.data(), ends=st.sampled_from(["well", "wrong", "given back"]))
    def go_on(self, data, ends):
        """Let a run that was only slow go on."""
        standing = data.draw(st.sampled_from(self.standing))
        self.standing.remove(standing)
        job, begun = standing.message.job, standing.begun
        if ends == "well":
            self.go_on_well(job, begun)
        elif ends == "wrong":
            self.failed.add(name_of(job))
            ledger.mark_dead(begun, ValueError("late"))
        else:  # its worker shuts down
            ledger.release([job.pk], worker=standing.worker)

    def go_on_well(self, job: Job, begun: Job) -> None:
        self.course = "works"
        try:
            with ledger.complete_in_transaction(begun) as ours:
                if ours:
                    (self.run_short if in_one_transaction(job) else self.run_long)(name_of(job))
        except ledger.CancelledError:
            assert name_of(job) in self.cancelled
            assert ledger.finish_cancelled(job.pk, run_has_ended=True)

    @rule(seconds=st.sampled_from([3, 3700]), beat_lives=st.booleans())
    def time_passes(self, seconds, beat_lives):
        """Let time pass: while a run may have just begun, or longer than any run may take."""
        self.let_pass(seconds)
        if beat_lives:
            self.beat()

    def beat(self) -> None:
        """Do what beat does at each tick."""
        relay()
        pauses.release_held()
        cancellations.finish()

    @rule(data=st.data())
    def somebody_cancels(self, data):
        if names := sorted(jobs()):
            self.cancel(data.draw(st.sampled_from(names)))

    def cancel(self, name: str) -> None:
        if operations.cancel([jobs()[name].pk], by="ann"):
            self.cancelled.add(name)

    @precondition(lambda self: self.standing)
    @rule(data=st.data())
    def a_worker_ends_what_is_cancelled(self, data):
        standing = data.draw(st.sampled_from(self.standing))
        job = standing.message.job
        if Cancellation.objects.filter(pk=job.pk).exists():
            self.standing = [run for run in self.standing if run.message.job != job]  # each worker ends what it runs
            assert ledger.finish_cancelled(job.pk, run_has_ended=True)

    @rule(kind=st.sampled_from(["queue", "task"]), long=st.booleans(), ends=st.booleans())
    def somebody_pauses_or_resumes(self, kind, long, ends):
        change = getattr(operations, f"{'resume' if ends else 'pause'}_{kind}")
        change("fast" if kind == "queue" else self.tasks[long].name, by="ann")

    @rule(requeues=st.booleans())
    def somebody_looks_at_the_dead(self, requeues):
        if requeues:
            self.cancelled -= {name for name, job in jobs().items() if job.state == State.CANCELLED}
            ledger.requeue(Job.objects.all())
            return
        self.given_up |= {name for name, job in jobs().items() if job.state == State.DEAD}
        ledger.discard(Job.objects.all())

    @rule(seconds=st.sampled_from([0, WEEK]))
    def prune(self, seconds):
        self.let_pass(seconds)
        before = jobs()
        prune()
        gone = before.keys() - jobs().keys()
        assert {before[name].state for name in gone} <= {State.DONE, State.DISCARDED, State.CANCELLED}
        self.done_and_pruned |= {name for name in gone if before[name].state == State.DONE}
        self.given_up |= {name for name in gone if before[name].state == State.CANCELLED}

    def let_pass(self, seconds: float) -> None:
        """Change all times that are written down, as if everything had happened so much earlier."""
        by = timedelta(seconds=seconds)
        times = ("started_at", "finished_at", "publish_at")
        Job.objects.update(**{name: F(name) - by for name in times})
        for standing in self.standing:
            standing.age += seconds

    def run(self, message: Message, course: str, redelivered: bool = False) -> None:
        """Do what a worker does with one delivery of the message."""
        task, self.course = current_app.tasks[message.job.task], course
        job = Job.objects.filter(pk=message.job.pk).first() or message.job
        runs_now, paused = self.runs, is_paused(job)
        task.push_request(
            id=str(job.pk),
            called_directly=False,
            retries=job.attempts,
            delivery_info={"redelivered": redelivered, "routing_key": job.queue},
            properties={"message_id": message.id},
        )
        try:
            task(*job.args)
        except (Exception, Killed):  # noqa: BLE001, S110  the worker logs it, or is gone
            pass
        finally:
            task.pop_request()
        if self.runs != runs_now:
            assert job.state == State.WAITING, "only what waits is run"
            assert not paused, "what is paused does not start"
            self.is_alone(message, redelivered)

    def is_alone(self, message: Message, redelivered: bool) -> None:
        """Begin a run of a long task. Redelivered: the process that had this message before is gone."""
        if redelivered:
            self.standing = [run for run in self.standing if run.message != message]
        if not in_one_transaction(message.job):
            longest = run_deadline(message.job.queue).total_seconds() - 1  # a test takes time too
            beside = [run for run in self.standing if run.message.job == message.job and run.age < longest]
            assert not beside, "two at a time, though neither can be dead"

    # -- What holds after each

    @invariant()
    def the_promise_is_kept(self):
        rows = jobs()
        effects = Counter(User.objects.values_list("first_name", flat=True))
        done = {name for name, job in rows.items() if job.state == State.DONE} | self.done_and_pruned
        discarded = {name for name, job in rows.items() if job.state == State.DISCARDED}
        cancelled = {name for name, job in rows.items() if job.state == State.CANCELLED}

        # A job exists if and only if its transaction committed, until it is done or given up, and pruned.
        assert rows.keys() <= self.dispatched.keys()
        assert self.dispatched.keys() - rows.keys() <= self.done_and_pruned | self.given_up
        assert discarded <= self.given_up
        assert cancelled <= self.cancelled
        # The effect is there once if and only if the job is done. A long task takes its effects one by one, so it
        # may have had one and not be done yet.
        assert set(effects.values()) <= {1}
        assert done <= effects.keys()
        assert {name for name in effects if self.dispatched[name].one_transaction} <= done
        for name, job in rows.items():
            self.is_in_order(name, job)

    def is_in_order(self, name: str, job: Job) -> None:
        if job.state in UNFINISHED:
            assert job.held or job.publish_at <= timezone.now() + timedelta(seconds=ALL_OF_IT), "nothing is forgotten"
            assert not job.finished_at
        if job.held:
            assert job.state == State.WAITING
            assert not job.started_at
        if job.state == State.DEAD:
            assert job.error
            assert job.finished_at
            assert name in self.failed or self.killed[name] > jobs_settings.MAX_REDELIVERIES

    def teardown(self):
        """Require that each job comes to its end from any state, when nothing goes wrong any more."""
        try:
            self.all_comes_to_its_end()
        finally:
            for model in (Job, User, Effect, Cancellation, Pause, Tally):
                model.objects.all().delete()

    def all_comes_to_its_end(self) -> None:
        Pause.objects.all().delete()
        for _ in range(3):  # a run that was cut off is told from one that has just begun, then published, then run
            self.let_pass(ALL_OF_IT)
            self.beat()
            for job in Job.objects.filter(state__in=UNFINISHED):
                self.run(Message(job, "the last"), "works")
        assert not Job.objects.filter(state__in=UNFINISHED).exists()
        assert not Cancellation.objects.exists()
        self.the_promise_is_kept()


def jobs() -> dict[str, Job]:
    return {name_of(job): job for job in Job.objects.all()}


def is_paused(job: Job) -> bool:
    return bool({("queue", job.queue), ("task", job.task)}.intersection(Pause.objects.values_list("kind", "name")))


def make_effect(name: str) -> None:
    """Insert one row more each time, so that a doubled effect shows."""
    User.objects.create(username=uuid.uuid4().hex, first_name=name)


def name_of(job: Job) -> str:
    return job.args[0]


def in_one_transaction(job: Job) -> bool:
    return current_app.tasks[job.task].one_transaction


@pytest.mark.django_db
def test_any_order_of_events_keeps_the_promise(task, broker, monkeypatch):
    def short(name):
        life.run_short(name)

    def long(name):
        life.run_long(name)

    tasks = [task(short, base=DurableTask), task(long, base=DurableTask, one_transaction=False)]

    def new_life() -> LifeOfAJob:
        nonlocal life
        life = LifeOfAJob(*tasks)
        connection.run_on_commit.clear()  # all lives are in one transaction, which may publish so many jobs itself
        monkeypatch.setattr(outbox, "send", life.accept)
        return life

    life: LifeOfAJob
    many = settings(max_examples=LIVES, stateful_step_count=30)
    run_state_machine_as_test(new_life, settings=many)
