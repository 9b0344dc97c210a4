"""Run faults of all kinds, one after the other, while jobs are dispatched and run."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.live.harness.environment import Environment, exit_code
from tests.live.harness.report import Outcome

FUNCTIONS = "function,function,function_in_steps"  # as in FaultPlan, by Django's @task


@dataclass(frozen=True, kw_only=True)
class FaultPlan:
    """Say how many faults of each kind there are, and how many jobs at what rate."""

    jobs: int  # numbers: what is dispatched, and what rolls back
    child_kills: int
    worker_kills: int
    broker_kills: int
    wipes: int
    database_restarts: int
    dispatcher_kills: int
    beat_kills: int = 1
    pauses: int = 0
    cancels: int = 0
    rate: float = 15  # jobs in a second
    longest: float = 0.6  # seconds; at that rate and mix most of eight children are busy
    tasks: str = "durable,durable,stepwise"
    rollbacks: float = 0.1
    workers: int = 2
    seed: int = 1


def run_faults(environment: Environment, plan: FaultPlan, say: Callable[[str], None] = lambda line: None) -> Outcome:
    """Run the plan on an environment whose workers are ready. Returns what is left when the last job is done."""
    dispatcher = Dispatcher(environment, plan)
    dispatcher.start()
    rng = random.Random(plan.seed)  # noqa: S311  no secret
    last = time.time()
    faults = _faults(environment, plan, rng)
    try:
        for place, (name, fault) in enumerate(faults, 1):
            dispatcher.wait_until(place / (len(faults) + 1))
            if "plain" not in plan.tasks:  # which have no rows
                dispatcher.wait_for_a_run()
            fault()
            last = time.time()
            restarts = environment.supervisor.restarts
            say(f"fault {place} of {len(faults)}: {name}; {dispatcher.progress:.0%} dispatched, {restarts} restarts")
    finally:
        dispatcher.faults_are_over.set()
    dispatcher.join()
    assert not dispatcher.failure, dispatcher.failure
    last = max(last, dispatcher.last_kill)
    patience = None if "plain" not in plan.tasks and not plan.cancels else 40
    if plan.cancels:
        time.sleep(3)  # those that run are ended by now
        environment.database.run(FORGET_CANCELLED)
    over = environment.settle(900, patience=patience)
    if plan.cancels:
        environment.database.run(FORGET_CANCELLED)
    outcome = environment.outcome()
    outcome.seconds = max(0.0, over - last)
    outcome.refused = dispatcher.refused
    return outcome


class Dispatcher(threading.Thread):
    """Run the process that dispatches; where it is killed, the next one goes on.

    All jobs of the plan are dispatched, and more as long as there are faults to come: on a busy machine these take
    longer than the plan thinks, and a kill after the last job shows nothing.
    """

    def __init__(self, environment: Environment, plan: FaultPlan) -> None:
        super().__init__(daemon=True)
        self.environment, self.plan = environment, plan
        self.faults_are_over = threading.Event()
        self.refused = 0
        self.last_kill = 0.0
        self.failure = ""

    def run(self) -> None:
        plan = self.plan
        parts = plan.dispatcher_kills + 1
        borders = [plan.jobs * part // parts for part in range(parts + 1)]
        for part in range(parts):
            self._dispatch(borders[part], borders[part + 1], die=part < parts - 1)
        last = plan.jobs
        while not self.failure and not self.faults_are_over.is_set():
            self._dispatch(last, last + SECONDS * plan.rate)
            last += SECONDS * plan.rate

    def _dispatch(self, first: int, last: int, *, die: bool = False) -> None:
        """Dispatch the jobs of these numbers by a process, which may kill itself at the end."""
        if self.failure:
            return
        plan = self.plan
        options = {"rate": plan.rate, "longest": plan.longest, "tasks": plan.tasks, "rollbacks": plan.rollbacks}
        process = self.environment.dispatch(first, last, die=die, **options)
        code = exit_code(process, 3600)
        self.last_kill = time.time() if die else self.last_kill
        self.refused += len(process.lines("^refused "))
        if code != (-9 if die else 0):
            self.failure = f"the dispatching process ended with {code}:\n{process.text[-3000:]}"

    @property
    def progress(self) -> float:
        """Return the share of its numbers that it is through with."""
        return (self.environment.number("SELECT max(number) FROM workload_expected") + 1) / self.plan.jobs

    def wait_until(self, share: float) -> None:
        """Spread the faults over the whole time in which there is work; two a second at the most."""
        time.sleep(0.5)
        while self.is_alive() and self.progress < share:
            time.sleep(0.2)

    def wait_for_a_run(self) -> None:
        """Wait until a job runs, while there is work: a kill shows nothing when no worker has anything to do."""
        while self.is_alive() and not self.environment.number(RUNNING):
            time.sleep(0.05)


SECONDS = 5  # of jobs that one process dispatches besides those of the plan
RUNNING = "SELECT count(*) FROM djcelery_jobs_job WHERE state = 'waiting' AND started_at IS NOT NULL"


def _faults(environment: Environment, plan: FaultPlan, rng: random.Random) -> list[tuple[str, Callable[[], None]]]:
    """Mix all faults of the plan, in the same order each time."""
    whole = plan.worker_kills // 2
    kinds: list[tuple[int, str, Callable[[], None]]] = [
        (plan.child_kills, "child killed", lambda: environment.supervisor.kill_child(rng)),
        (whole, "worker killed", lambda: environment.supervisor.kill_worker(rng, whole=True)),
        (plan.worker_kills - whole, "parent killed", lambda: environment.supervisor.kill_worker(rng, whole=False)),
        (plan.broker_kills, "broker killed", lambda: _restart_broker(environment)),
        (plan.wipes, "broker wiped", environment.broker.wipe),
        (plan.database_restarts, "database restarted", lambda: restart_database(environment, 1)),
        (plan.beat_kills, "beat killed", environment.supervisor.kill_beat),
        (plan.pauses, "queue paused", lambda: _pause(environment)),
        (plan.cancels, "jobs cancelled", lambda: environment.shell(CANCEL_SOME)),
    ]
    faults = [(name, fault) for count, name, fault in kinds for _ in range(count)]
    rng.shuffle(faults)
    return faults


# Long jobs of one transaction: a task of several steps may have had one of its effects when it is cancelled.
CANCEL_SOME = """
from djcelery_jobs import operations
from djcelery_jobs.models import UNFINISHED, Job
some = Job.objects.filter(task=durable.name, state__in=UNFINISHED).order_by("-created_at").values_list("pk", flat=True)
operations.cancel(list(some[:4]), by="ann")
"""
# What was cancelled is not expected to have an effect. One that it has all the same is unexpected then.
FORGET_CANCELLED = """
    DELETE FROM workload_expected WHERE number IN
    (SELECT CAST(args->>0 AS integer) FROM djcelery_jobs_job WHERE state = 'cancelled')
"""


def _pause(environment: Environment) -> None:
    """Pause the queue for a moment."""
    environment.shell("from djcelery_jobs import operations\noperations.pause_queue('fast', by='ann')")
    time.sleep(1)
    environment.shell("from djcelery_jobs import operations\noperations.resume_queue('fast', by='ann')")


def _restart_broker(environment: Environment) -> None:
    environment.broker.kill()
    time.sleep(2)
    environment.broker.start()


def restart_database(environment: Environment, seconds: float) -> None:
    """Crash the database, and start it again after a while."""
    environment.database.stop()
    time.sleep(seconds)
    environment.database.start()
