"""Deliver the same jobs at once, and roll transactions back."""

from __future__ import annotations

from dataclasses import dataclass

from amqp import NotFound

from tests.live.harness.environment import Environment
from tests.live.harness.processes import eventually


@dataclass
class Effects:
    """Count what several deliveries of the same jobs have left."""

    done: int
    effects: int
    jobs_with_effect: int
    started_twice: int


def deliver_at_once(environment: Environment, jobs: int, deliveries: int) -> Effects:
    """Deliver each job in so many processes at the same moment. No relay runs: what is not done then, stays so."""
    environment.ask("dispatch", str(jobs), "--unpublished")
    go = environment.folder / "go"
    for number in range(deliveries):
        environment.start("manage.py", "deliver", str(go), name=f"deliver-{number}")
    ready = environment.folder / "go-ready"
    eventually("all are ready", lambda: ready.exists() and len(ready.read_text()) == deliveries)
    go.touch()
    for process in environment.processes:
        assert process.popen.wait(300) == 0, process.text[-3000:]
    return Effects(
        done=environment.number("SELECT count(*) FROM djcelery_jobs_job WHERE state = 'done'"),
        effects=environment.number("SELECT count(*) FROM workload_effect"),
        jobs_with_effect=environment.number("SELECT count(DISTINCT number) FROM workload_effect"),
        started_twice=environment.number("SELECT count(*) FROM djcelery_jobs_job WHERE starts > 1"),
    )


def roll_back(environment: Environment, transactions: int) -> tuple[int, int]:
    """Dispatch in transactions that roll back. Returns how many jobs and how many messages there are then."""
    environment.ask("dispatch", str(transactions), "--rolled-back")
    environment.ask("dispatch", "1")  # so that the queue is there
    return environment.number("SELECT count(*) FROM djcelery_jobs_job") - 1, messages(environment, "fast") - 1


def messages(environment: Environment, queue: str) -> int:
    """Count the messages that are ready in the queue. 0 while there is no queue yet, because nothing was published."""
    with environment.broker_connection() as connection, connection.channel() as channel:
        if environment.broker.kind == "redis":
            return int(channel.client.llen(queue))
        try:
            return int(channel.queue_declare(queue, passive=True).message_count)
        except NotFound:
            return 0
