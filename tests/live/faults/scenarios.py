"""Single troubles, each with the question that it answers. Nothing is asserted here; tests and benchmarks judge."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass

from rig import Outcome, Rig, ended
from servers import free_port
from shop import edit
from storm import restart_database

POISON = 900_000  # the numbers of poison jobs begin here
# What Celery logs.
OUT_OF_TIME = "Soft time limit"
HARM = (OUT_OF_TIME, "Hard time limit", "Pool process", "Unrecoverable error", '"task_failure"', '"task_cut_off"')


@dataclass
class Poisoned:
    """What a few poison jobs did among many innocent ones."""

    starts: list[int]  # of each poison job
    dead: int
    done: int
    condemned: int  # innocent jobs that are dead
    cut_off: int  # runs of innocent jobs that were killed with a poison job
    seconds: float


def poison(rig: Rig, innocents: int, victims: Sequence[str], *, rate: float = 8, longest: float = 0.8) -> Poisoned:
    """Jobs that kill their process ("child") or their whole worker ("worker") each time, among innocent ones.

    The innocents keep coming while the poison comes back, so each time some of them run beside it.
    """
    begun = time.time()
    calls = [f"poison.delay({POISON + place}, {victim!r}, 0.3)" for place, victim in enumerate(victims)]
    rig.shell("\n".join(calls))
    over = ended(rig.publish(0, innocents, rate=rate, longest=longest, tasks="recorded"))
    assert over == 0
    rig.settle(300)
    numbers = range(POISON, POISON + len(victims))
    states = rig.states()
    condemned = rig.number("SELECT count(*) FROM djcelery_jobs_job WHERE state = 'dead' AND task <> 'workload.tasks.poison'")
    return Poisoned(
        starts=[rig.starts(number) for number in numbers],
        dead=states.get("dead", 0) - condemned,
        done=states.get("done", 0),
        condemned=condemned,
        cut_off=rig.number("SELECT sum(starts - 1) FROM djcelery_jobs_job WHERE starts > 1 AND state = 'done'"),
        seconds=time.time() - begun,
    )


def rolling_restarts(rig: Rig, seconds: float, *, every: float = 5, rate: float = 4) -> Outcome:
    """SIGTERM to all workers again and again, while jobs of 0.01 to 3 seconds run."""
    publisher = rig.publish(
        0, int(rate * seconds), rate=rate, shortest=0.01, longest=3, tasks="durable,durable,stepwise"
    )
    last = end = time.time() + seconds
    while time.time() < end:
        time.sleep(every)
        rig.crew.terminate_workers()
        last = time.time()
    assert ended(publisher) == 0
    over = rig.settle(300)
    outcome = rig.outcome()
    outcome.seconds = over - last
    return outcome


def killed_with_prefetched_jobs(rig: Rig, jobs: int = 32) -> tuple[Outcome, float]:
    """kill -9 of all workers while they run some jobs and hold others. Also returns the seconds until the last of
    these jobs began (again)."""
    calls = [(number, 1.0) for number in range(jobs)]
    rig.shell(
        "from workload.models import Wish\n"
        f"Wish.objects.bulk_create(Wish(number=number) for number in range({jobs}))\n"
        f"recorded.apply_async_many({calls})"
    )
    rig.wait_for_starts(8)
    time.sleep(0.3)
    rig.crew.kill_all_workers()
    killed = time.time()
    rig.settle(120)
    return rig.outcome(), max(rig.start_times()) - killed


def long_job_at_shutdown(rig: Rig, seconds: float = 20) -> tuple[Outcome, float]:
    """SIGTERM while two jobs run that are much longer than a worker waits for, and another worker is free to take them.
    Also returns the seconds until the first had left."""
    rig.run_workers(1, "slow")
    rig.crew.all_ready()
    rig.shell(
        "from workload.models import Wish\nWish.objects.bulk_create([Wish(number=1), Wish(number=2)])\n"
        f"long.delay(1, {seconds})\nerrand.delay(2, {seconds})"
    )
    rig.wait_for_starts(2)
    hire_another(rig)
    left = rig.crew.replace("worker-slow-0")
    rig.settle(120)
    return rig.outcome(), left


def hire_another(rig: Rig) -> None:
    """A second worker of the class `slow`, which has nothing to do."""
    rig.crew.hire([rig.member("worker-slow-1", "manage.py", "worker", "slow", ready=" ready.")])
    rig.crew.all_ready()


def scaled_down(rig: Rig, seconds: float = 16) -> tuple[Outcome, int]:
    """SIGTERM, without its being remapped, to a worker that runs two long jobs, while another is free to take them.
    Also returns the exit code of the worker that left."""
    rig.variables["REMAP_SIGTERM"] = ""
    # RabbitMQ takes the jobs back from a connection that is silent for longer than this, also while they end.
    retry = "CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True\n"
    edit(rig.project.path / "shop/settings/jobs.py", retry, f"{retry}CELERY_BROKER_HEARTBEAT = 4\n")
    rig.run_workers(1, "slow")
    rig.crew.all_ready()
    rig.shell(
        "from workload.models import Wish\nWish.objects.bulk_create([Wish(number=1), Wish(number=2)])\n"
        f"long.delay(1, {seconds})\nerrand.delay(2, {seconds})"
    )
    rig.wait_for_starts(2)
    leaving = rig.crew.process("worker-slow-0")
    hire_another(rig)
    rig.crew.replace("worker-slow-0")
    rig.settle(120)
    return rig.outcome(), ended(leaving)


def database_outage(rig: Rig, seconds: float, *, rate: float = 12) -> tuple[Outcome, int]:
    """The database crashes and is away for a while, in the middle of work. Also returns how many jobs the workers
    called failed."""
    failures = rig.worker_lines('"task_failure"')
    publisher = rig.publish(0, int(rate * (seconds + 8)), rate=rate, longest=0.6, tasks="durable,durable,stepwise")
    rig.wait_for_effects(10)
    restart_database(rig, seconds)
    back = time.time()
    assert ended(publisher) == 0
    over = rig.settle(300)
    outcome = rig.outcome()
    outcome.seconds = over - back
    return outcome, rig.worker_lines('"task_failure"') - failures


def database_stalls(rig: Rig, seconds: float, *, rate: float = 8) -> tuple[Outcome, int]:
    """The database answers nobody for a while, longer than a job may take. Also returns how many runs were ended for
    that."""
    publisher = rig.publish(0, int(rate * 8), rate=rate, longest=0.6, tasks="durable,durable,stepwise")
    rig.wait_for_effects(10)
    ended_before = rig.worker_lines(OUT_OF_TIME)
    with rig.database.frozen():
        time.sleep(seconds)
    back = time.time()
    assert ended(publisher) == 0
    over = rig.settle(300)
    outcome = rig.outcome()
    outcome.seconds = over - back
    return outcome, rig.worker_lines(OUT_OF_TIME) - ended_before


def broker_outage(rig: Rig, seconds: float) -> tuple[Outcome, dict[str, int]]:
    """All children of a worker die at one moment. Then the broker crashes and is away for a while, longer than a job
    may take, in the middle of durable and plain jobs. Also returns how often workers said that they ended themselves,
    a child or a job, or that one failed."""
    before = {words: rig.worker_lines(words) for words in HARM}
    rig.crew.kill_children("worker-fast-0")
    rig.shell(
        "from workload.models import Wish\nWish.objects.bulk_create(Wish(number=number) for number in range(4))\n"
        "plain.delay(0, 3)\nplain.delay(1, 3)\nrecorded.delay(2, 3)\nrecorded.delay(3, 3)"
    )
    rig.wait_for_starts(2)
    rig.broker.kill()
    time.sleep(seconds)
    rig.broker.start()
    back = time.time()
    assert ended(rig.publish(4, 24)) == 0
    over = rig.settle(120)
    outcome = rig.outcome()
    outcome.seconds = over - back
    return outcome, {words: rig.worker_lines(words) - count for words, count in before.items()}


def web_process_killed(rig: Rig, requests: int) -> tuple[Outcome, int]:
    """The process of every third request is killed between its commit and the publish. Also returns how many were."""
    port = free_port()
    words = ["-m", "gunicorn", "shop.wsgi", "--bind", f"127.0.0.1:{port}", "--workers", "2"]
    web = rig.member("web", *words, ready="Booting worker")
    rig.crew.hire([web])
    rig.crew.all_ready()
    killed = 0
    for number in range(requests):
        die = number % 3 == 2
        killed += _ask(f"http://127.0.0.1:{port}/wish/{number}{'?die' if die else ''}") is None
    over = rig.settle(120)
    outcome = rig.outcome()
    outcome.seconds = max(0.0, over - time.time())
    return outcome, killed


def _ask(url: str) -> int | None:
    """The status of the answer; None when the process died instead of answering."""
    for _ in range(50):  # while the server starts
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  it is our own server
                return int(answer.status)
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read()[:2000]) from error
        except urllib.error.URLError:
            time.sleep(0.2)
        except ConnectionError:
            return None
    raise AssertionError(f"nothing answers at {url}")
