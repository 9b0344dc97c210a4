"""Run one kind of trouble each. Nothing is asserted here: tests and benchmarks judge the outcome."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass

from tests.live.harness.environment import Environment, exit_code
from tests.live.harness.faults import restart_database
from tests.live.harness.project import edit
from tests.live.harness.report import Outcome
from tests.ports import free_port

POISON = 900_000  # the numbers of poison jobs begin here
CONDEMNED = "SELECT count(*) FROM djcelery_jobs_job WHERE state = 'dead' AND task <> 'workload.tasks.counted.poison'"
INTERRUPTED_BESIDE = "SELECT sum(starts - 1) FROM djcelery_jobs_job WHERE starts > 1 AND state = 'done'"
# What Celery logs.
OUT_OF_TIME = "Soft time limit"
HARM = (OUT_OF_TIME, "Hard time limit", "Pool process", "Unrecoverable error", '"task_failure"', '"task_cut_off"')


@dataclass
class Poisoned:
    """Count what a few poison jobs did among many innocent ones."""

    starts: list[int]  # of each poison job, by the lines that it left
    counted: list[int]  # the same by its row
    dead: int
    done: int
    condemned: int  # innocent jobs that are dead
    interrupted: int  # runs of innocent jobs that were killed with a poison job
    seconds: float


COUNTED = "SELECT starts FROM djcelery_jobs_job WHERE CAST(args->>0 AS integer) = {}"


def poison(
    environment: Environment, innocents: int, victims: Sequence[str], *, rate: float = 8, longest: float = 0.8
) -> Poisoned:
    """Run jobs that kill their process ("child") or their whole worker ("worker") each time, among innocent ones.

    The innocents keep coming while the poison comes back, so each time some of them run beside it.
    """
    begun = time.time()
    calls = [f"poison.delay({POISON + place}, {victim!r}, 0.3)" for place, victim in enumerate(victims)]
    environment.shell("\n".join(calls))
    over = exit_code(environment.dispatch(0, innocents, rate=rate, longest=longest, tasks="recorded"))
    assert over == 0
    environment.settle(300)
    numbers = range(POISON, POISON + len(victims))
    states = environment.states()
    condemned = environment.number(CONDEMNED)
    return Poisoned(
        starts=[environment.starts(number) for number in numbers],
        counted=[environment.number(COUNTED.format(number)) for number in numbers],
        dead=states.get("dead", 0) - condemned,
        done=states.get("done", 0),
        condemned=condemned,
        interrupted=environment.number(
            "SELECT sum(starts - 1) FROM djcelery_jobs_job WHERE starts > 1 AND state = 'done'"
        ),
        seconds=time.time() - begun,
    )


def rolling_restarts(environment: Environment, seconds: float, *, every: float = 5, rate: float = 4) -> Outcome:
    """Send SIGTERM to all workers again and again, while jobs of 0.01 to 3 seconds run."""
    dispatching = environment.dispatch(
        0, int(rate * seconds), rate=rate, shortest=0.01, longest=3, tasks="durable,durable,stepwise"
    )
    last = end = time.time() + seconds
    while time.time() < end:
        time.sleep(every)
        environment.supervisor.terminate_workers()
        last = time.time()
    assert exit_code(dispatching) == 0
    over = environment.settle(300)
    outcome = environment.outcome()
    outcome.seconds = over - last
    return outcome


def killed_with_prefetched_jobs(environment: Environment, jobs: int = 32) -> tuple[Outcome, float]:
    """Kill all workers with SIGKILL while they run some jobs and hold others.

    Also returns the seconds until the last of these jobs began (again).
    """
    calls = [(number, 1.0) for number in range(jobs)]
    environment.shell(
        "from workload.models import Expected\n"
        f"Expected.objects.bulk_create(Expected(number=number) for number in range({jobs}))\n"
        f"recorded.apply_async_many({calls})"
    )
    environment.wait_for_starts(8)
    time.sleep(0.3)
    environment.supervisor.kill_all_workers()
    killed = time.time()
    environment.settle(120)
    return environment.outcome(), max(environment.start_times()) - killed


def long_job_at_shutdown(environment: Environment, seconds: float = 20) -> tuple[Outcome, float]:
    """Send SIGTERM while two jobs run that take longer than a worker waits, and another worker is free to take them.

    Also returns the seconds until the first had left.
    """
    environment.supervise_workers(1, "slow")
    environment.supervisor.all_ready()
    environment.shell(
        "from workload.models import Expected\nExpected.objects.bulk_create([Expected(number=1), Expected(number=2)])\n"
        f"long_job.delay(1, {seconds})\nlong_steps.delay(2, {seconds})"
    )
    environment.wait_for_starts(2)
    add_idle_worker(environment)
    left = environment.supervisor.replace("worker-slow-0")
    environment.settle(120)
    return environment.outcome(), left


def add_idle_worker(environment: Environment) -> None:
    """Start a second worker of the class `slow`, which has nothing to do."""
    environment.supervisor.add([environment.service("worker-slow-1", "manage.py", "worker", "slow", ready=" ready.")])
    environment.supervisor.all_ready()


def scaled_down(environment: Environment, seconds: float = 9) -> tuple[Outcome, int]:
    """Send SIGTERM, without remapping it, to a worker that runs two long jobs, while another is free to take them.

    Also returns the exit code of the worker that left.
    """
    environment.variables["REMAP_SIGTERM"] = ""
    # RabbitMQ takes the jobs back from a connection that is silent for longer than this, also while they end.
    retry = "CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True\n"
    edit(environment.project.path / "shop/settings/jobs.py", retry, f"{retry}CELERY_BROKER_HEARTBEAT = 2\n")
    environment.supervise_workers(1, "slow")
    environment.supervisor.all_ready()
    environment.shell(
        "from workload.models import Expected\nExpected.objects.bulk_create([Expected(number=1), Expected(number=2)])\n"
        f"long_job.delay(1, {seconds})\nlong_steps.delay(2, {seconds})"
    )
    environment.wait_for_starts(2)
    leaving = environment.supervisor.process("worker-slow-0")
    add_idle_worker(environment)
    environment.supervisor.replace("worker-slow-0")
    environment.settle(120)
    return environment.outcome(), exit_code(leaving)


def database_outage(environment: Environment, seconds: float, *, rate: float = 12) -> tuple[Outcome, int]:
    """Crash the database and keep it down for a while, in the middle of work. Also returns how many jobs the workers
    called failed."""
    failures = environment.worker_lines('"task_failure"')
    dispatching = environment.dispatch(
        0, int(rate * (seconds + 8)), rate=rate, longest=0.6, tasks="durable,durable,stepwise"
    )
    environment.wait_for_effects(10)
    restart_database(environment, seconds)
    back = time.time()
    assert exit_code(dispatching) == 0
    over = environment.settle(300)
    outcome = environment.outcome()
    outcome.seconds = over - back
    return outcome, environment.worker_lines('"task_failure"') - failures


def database_freezes(environment: Environment, seconds: float, *, rate: float = 8) -> tuple[Outcome, int]:
    """Freeze the database for a while, longer than a job may take. Also returns how many runs were ended for
    that."""
    dispatching = environment.dispatch(0, int(rate * 8), rate=rate, longest=0.6, tasks="durable,durable,stepwise")
    environment.wait_for_effects(10)
    ended_before = environment.worker_lines(OUT_OF_TIME)
    with environment.database.frozen():
        time.sleep(seconds)
    back = time.time()
    assert exit_code(dispatching) == 0
    over = environment.settle(300)
    outcome = environment.outcome()
    outcome.seconds = over - back
    return outcome, environment.worker_lines(OUT_OF_TIME) - ended_before


def broker_outage(environment: Environment, seconds: float) -> tuple[Outcome, dict[str, int]]:
    """Kill all children of a worker at one moment. Then crash the broker, and keep it down for a while.

    seconds: longer than a job may take. Durable and plain jobs run meanwhile. Also returns how often workers said that
    they ended themselves, a child or a job, or that one failed.
    """
    before = {words: environment.worker_lines(words) for words in HARM}
    environment.supervisor.kill_children("worker-fast-0")
    environment.shell(
        "from workload.models import Expected\n"
        "Expected.objects.bulk_create(Expected(number=number) for number in range(4))\n"
        "plain.delay(0, 3)\nplain.delay(1, 3)\nrecorded.delay(2, 3)\nrecorded.delay(3, 3)"
    )
    environment.wait_for_starts(2)
    environment.broker.kill()
    time.sleep(seconds)
    environment.broker.start()
    back = time.time()
    assert exit_code(environment.dispatch(4, 24)) == 0
    over = environment.settle(120)
    outcome = environment.outcome()
    outcome.seconds = over - back
    return outcome, {words: environment.worker_lines(words) - count for words, count in before.items()}


def web_process_killed(environment: Environment, requests: int) -> tuple[Outcome, int]:
    """Kill the process of every third request between its commit and the publish. Also returns how many were."""
    port = free_port()
    words = ["-m", "gunicorn", "shop.wsgi", "--bind", f"127.0.0.1:{port}", "--workers", "2"]
    web = environment.service("web", *words, ready="Booting worker")
    environment.supervisor.add([web])
    environment.supervisor.all_ready()
    killed = 0
    for number in range(requests):
        die = number % 3 == 2
        killed += _ask(f"http://127.0.0.1:{port}/workload/dispatch/{number}{'?die' if die else ''}") is None
    over = environment.settle(120)
    outcome = environment.outcome()
    outcome.seconds = max(0.0, over - time.time())
    return outcome, killed


def _ask(url: str) -> int | None:
    """Return the status of the answer; None when the process died instead of answering."""
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
