"""Pause, cancel and act on many while processes are killed. Nothing is asserted here: tests and benchmarks judge."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from itertools import cycle
from threading import Event, Thread
from urllib.request import Request, urlopen

from tests.live.harness.environment import Environment
from tests.live.harness.faults import FORGET_CANCELLED
from tests.live.harness.processes import eventually
from tests.live.harness.report import DOUBLED, Outcome
from tests.ports import free_port

OPERATIONS = "from djcelery_jobs import operations\n"
LOGGED_IN = """
from django.test import Client
from users.models import User
client = Client()
client.force_login(User.objects.get_or_create(username="reader", is_staff=True, is_superuser=True)[0])
print(client.cookies["sessionid"].value)
"""
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
import random, time
from djcelery_jobs import operations
from djcelery_jobs.models import Job
from workload.models import Expected
asked, dispatched, deadline = set(), 0, time.monotonic() + 600
jobs = Job.objects.filter(task=durable.name)
while len(asked) < {cancels} and time.monotonic() < deadline:
    if not jobs.filter(state="waiting").exists():
        numbers = range(dispatched, dispatched + {jobs})
        Expected.objects.bulk_create(Expected(number=number) for number in numbers)
        durable.apply_async_many([(number, {seconds} * (1 + number % 5)) for number in numbers])
        dispatched += {jobs}
    running = jobs.filter(state="waiting", started_at__isnull=False).exclude(pk__in=asked)
    ends = [(began.timestamp() + args[1], pk) for pk, began, args in running.values_list("pk", "started_at", "args")]
    if ends:
        end, pk = min(ends)
        time.sleep(max(0, end - time.time() + random.uniform(-0.05, 0.02)))
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
    code = CANCEL_WHAT_RUNS.format(seconds=seconds, jobs=cancels * 2, cancels=cancels)
    asked = int(environment.shell(code))
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


PAGES = ("", "now/", "jobs/?state=dead", "jobs/", "failures/", "tasks/", "schedule/")
PROBES = 900_000  # the numbers of other jobs begin here
OTHERS = "SELECT count(*) FROM djcelery_jobs_job WHERE (args->>0)::int >= 900000"
WAITED = """
    SELECT max(extract(epoch FROM finished_at - created_at)) FROM djcelery_jobs_job
    WHERE (args->>0)::int >= 900000 AND state = 'done' AND queue = '{}'
"""


@dataclass
class ActedOnAll:
    """Say how it went to send many dead jobs again with one decision, and what others noticed of it."""

    states: dict[str, int]
    doubled: int
    seconds: float  # from the decision to the last job
    others: int  # jobs that were dispatched meanwhile
    waited: dict[str, float]  # by queue, the longest that one of these took from its dispatch to its end, in seconds
    pages: list[float]  # how long each request of a page took, in milliseconds


def acted_on_all(environment: Environment, dead: int) -> ActedOnAll:
    """Send many dead jobs again with one decision, while others run and somebody watches the pages."""
    environment.shell(
        "from django.utils import timezone\nfrom djcelery_jobs.models import Job\n"
        "from workload.models import Expected\nnow = timezone.now()\n"
        f"Job.objects.bulk_create((Job(task=durable.name, queue='fast', args=[n], state='dead', publish_at=now, "
        f"finished_at=now) for n in range(100_000, 100_000 + {dead})), batch_size=5000)\n"
        f"Expected.objects.bulk_create((Expected(number=n) for n in range(100_000, 100_000 + {dead})), batch_size=5000)"
    )
    environment.manage("collectstatic", "--no-input", "-v", "0")
    port = free_port()
    web = environment.web(port, "--workers", "2", "--threads", "2")
    reader = PageReader(f"http://127.0.0.1:{port}", environment.shell(LOGGED_IN))
    decided = time.time()
    environment.shell(f"{OPERATIONS}operations.act_on_all('requeue', operations.JobFilter(state='dead'), by='ann')")
    dispatching = environment.dispatch(PROBES, 10 * PROBES, rate=2, tasks="long_job,durable")
    with reader:
        while environment.number("SELECT count(*) FROM djcelery_jobs_bulkaction WHERE finished_at IS NULL"):
            time.sleep(1)
    eventually("others were dispatched", lambda: environment.number(OTHERS))
    dispatching.end()
    finished = environment.settle(1800)
    web.end()
    [(doubled,)] = environment.database.rows(f"{DOUBLED} WHERE number < {PROBES}")
    waited = {queue: environment.database.rows(WAITED.format(queue))[0][0] for queue in ("slow", "fast")}
    return ActedOnAll(
        states=environment.states(),
        doubled=doubled,
        seconds=finished - decided,
        others=environment.number(OTHERS),
        waited={queue: float(seconds or 0) for queue, seconds in waited.items()},
        pages=sorted(reader.milliseconds),
    )


class PageReader:
    """Load one page of the jobs after the other, as the browser of somebody who watches does. Use it with `with`."""

    def __init__(self, site: str, session: str) -> None:
        self.site, self.cookies = site, {"Cookie": f"sessionid={session}"}
        self.milliseconds: list[float] = []
        self.errors: list[OSError] = []
        self.stopped = Event()
        self.thread = Thread(target=self.read, daemon=True)

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *error: object) -> None:
        self.stopped.set()
        self.thread.join()
        if self.errors:
            raise self.errors[0]

    def read(self) -> None:
        """Read until stopped."""
        for page in cycle(PAGES):
            url, begun = f"{self.site}/admin/djcelery_jobs/overview/{page}", time.perf_counter()
            try:
                with urlopen(Request(url, headers=self.cookies), timeout=30) as answer:  # noqa: S310  our own server
                    assert b"jobs-page" in answer.read() or page == "now/", f"{page} is not a page of the jobs"
            except OSError as error:
                self.errors.append(error)
                return
            self.milliseconds.append((time.perf_counter() - begun) * 1000)
            if self.stopped.wait(0.5):
                return
