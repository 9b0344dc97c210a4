"""Pause, cancel and act on many while processes are killed. Nothing is asserted here: tests and benchmarks judge."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

from tests.live.harness.environment import Environment
from tests.live.harness.faults import FORGET_CANCELLED
from tests.live.harness.processes import eventually
from tests.live.harness.report import Outcome

OPERATIONS = "from djcelery_jobs import operations\n"
EXPECT = "from workload.models import Expected\nExpected.objects.bulk_create(Expected(number=n) for n in range({}))\n"
CANCELLED = "SELECT count(*) FROM djcelery_jobs_job WHERE state = 'cancelled'"


@dataclass
class Paused:
    """Count what started while a queue was paused, and what is left after it was resumed."""

    starts: int
    effects: int
    outcome: Outcome
    resumed_within: float  # seconds until the first job started, with those that the command took


def paused_through_kills(environment: Environment, jobs: int, kills: int) -> Paused:
    """Pause a queue, dispatch durable and plain jobs, and kill workers, beat and the broker in turn. Then resume it."""
    environment.shell(f"{OPERATIONS}operations.pause_queue('fast', by='ann')")
    eventually("all workers have noticed", lambda: environment.worker_lines("queue fast is paused") >= 2)
    calls = [(number, 0.01) for number in range(jobs)]
    environment.shell(EXPECT.format(jobs + 10) + f"recorded.apply_async_many({calls})")
    rng = random.Random(1)  # noqa: S311  no secret
    faults = [
        lambda: environment.supervisor.kill_worker(rng, whole=True),
        environment.supervisor.kill_beat,
        lambda: _restart_broker(environment),
    ]
    for kill in range(kills):
        faults[kill % 3]()
        environment.supervisor.all_ready()
        if kill == 2:  # this Redis writes nothing to a disk, and only rows survive it
            environment.shell(f"for number in range({jobs}, {jobs + 10}): plain.delay(number)")
        time.sleep(4)  # longer than it takes the relay to publish a job again
    starts, effects = len(environment.start_times()), environment.number("SELECT count(*) FROM workload_effect")
    resumed = time.time()
    environment.shell(f"{OPERATIONS}operations.resume_queue('fast', by='ann')")
    environment.settle(120)
    return Paused(starts, effects, environment.outcome(), min(environment.start_times()) - resumed)


def _restart_broker(environment: Environment) -> None:
    environment.broker.kill()
    time.sleep(2)
    environment.broker.start()


CANCEL_WHAT_RUNS = """
import time
from djcelery_jobs import operations
from djcelery_jobs.models import Job
durable.apply_async_many([(number, {seconds} * (1 + number % 5)) for number in range({jobs})])
asked, deadline = set(), time.monotonic() + 600
jobs = Job.objects.filter(task=durable.name)
while len(asked) < {cancels} and jobs.filter(state="waiting").exists() and time.monotonic() < deadline:
    running = jobs.filter(state="waiting", started_at__isnull=False).exclude(pk__in=asked)
    for pk in list(running.values_list("pk", flat=True)):
        time.sleep({seconds} / 5)
        asked.add(pk)
        operations.cancel([pk], by="ann")
print(len(asked))
"""


@dataclass
class Raced:
    """Count how a race between the ends of jobs and their cancellation went."""

    asked: int
    done: int
    cancelled: int
    other: int
    outcome: Outcome


def cancels_raced_with_finishes(environment: Environment, cancels: int, *, seconds: float = 0.1) -> Raced:
    """Run jobs, and cancel each that is seen to run, about when it ends."""
    jobs = cancels * 3
    code = CANCEL_WHAT_RUNS.format(seconds=seconds, jobs=jobs, cancels=cancels)
    asked = int(environment.shell(EXPECT.format(jobs) + code))
    environment.settle(300, patience=30)
    environment.database.run(FORGET_CANCELLED)
    states = environment.states()
    done, cancelled = states.pop("done", 0), states.pop("cancelled", 0)
    outcome = environment.outcome()
    return Raced(asked, done, cancelled, sum(states.values()), outcome)


@dataclass
class Ended:
    """Say how a running job ended that was cancelled."""

    states: dict[str, int]
    effects: int
    starts: int  # that count as kills
    by: str
    seconds: float
    free_after: float  # seconds until another job began in its place


def cancelled_while_it_runs(environment: Environment, task: str) -> Ended:
    """Cancel a job that would run for long."""
    environment.shell(f"{task}.delay(1, 25)")
    environment.wait_for_starts(1)
    requested = environment.shell(
        f"{OPERATIONS}import time\nfrom djcelery_jobs.models import Job\nat = time.time()\n"
        "operations.cancel(Job.objects.all(), by='ann')\nprint(at)"
    )
    eventually("it is cancelled", lambda: environment.number(CANCELLED), otherwise=environment.failure_report)
    [(ended,)] = environment.database.rows("SELECT extract(epoch FROM finished_at) FROM djcelery_jobs_job")
    [(by, starts)] = environment.database.rows("SELECT cancelled_by, starts FROM djcelery_jobs_job")
    states, effects = environment.states(), environment.number("SELECT count(*) FROM workload_effect")
    begun = time.time()
    environment.shell("long_job.delay(2, 0)")
    environment.wait_for_effects(1)
    return Ended(states, effects, starts, by, float(ended) - float(requested), time.time() - begun)


def acted_on_all(environment: Environment, dead: int) -> tuple[dict[str, int], float]:
    """Send many dead jobs again with one decision, while others run. Returns the states, and the longest wait in s."""
    environment.shell(
        "from django.utils import timezone\nfrom djcelery_jobs.models import Job\n"
        "now = timezone.now()\n"
        f"Job.objects.bulk_create((Job(task=durable.name, queue='fast', args=[n], state='dead', publish_at=now, "
        f"finished_at=now) for n in range(100_000, 100_000 + {dead})), batch_size=5000)\n"
        f"{EXPECT.format(0)}"
        f"Expected.objects.bulk_create((Expected(number=n) for n in range(100_000, 100_000 + {dead})), batch_size=5000)"
    )
    environment.shell(f"{OPERATIONS}operations.act_on_all('requeue', operations.JobFilter(state='dead'), by='ann')")
    waits = []
    while environment.number("SELECT count(*) FROM djcelery_jobs_bulkaction WHERE finished_at IS NULL"):
        number = 900_000 + len(waits)
        environment.shell(f"long_job.delay({number}, 0)")
        begun = time.time()
        done = f"SELECT count(*) FROM workload_effect WHERE number = {number}"  # noqa: S608  our own number
        eventually("a job of another queue is done", lambda done=done: environment.number(done), 60)
        waits.append(time.time() - begun)
    environment.database.run("DELETE FROM workload_effect WHERE number >= 900000")
    environment.settle(1800)
    return environment.states(), max(waits, default=0.0)
