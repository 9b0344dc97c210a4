"""Effects that happen once, and transactions that never happened."""

from __future__ import annotations

from dataclasses import dataclass

from amqp import NotFound
from ground import Ground
from kombu import Connection
from processes import eventually


@dataclass
class Effects:
    """What several deliveries of the same jobs have left."""

    done: int
    effects: int
    jobs_with_effect: int
    started_twice: int


def deliver_at_once(place: Ground, jobs: int, deliveries: int) -> Effects:
    """Deliver each job in so many processes at the same moment. No relay runs: what is not done then, stays so."""
    place.ask("dispatch", str(jobs), "--unpublished")
    go = place.folder / "go"
    for number in range(deliveries):
        place.start("manage.py", "deliver", str(go), name=f"deliver-{number}")
    ready = place.folder / "go-ready"
    eventually("all are ready", lambda: ready.exists() and len(ready.read_text()) == deliveries)
    go.touch()
    for process in place.processes:
        assert process.popen.wait(300) == 0, process.text[-3000:]
    return Effects(
        done=place.number("SELECT count(*) FROM djcelery_jobs_job WHERE state = 'done'"),
        effects=place.number("SELECT count(*) FROM measured_effect"),
        jobs_with_effect=place.number("SELECT count(DISTINCT number) FROM measured_effect"),
        started_twice=place.number("SELECT count(*) FROM djcelery_jobs_job WHERE starts > 1"),
    )


def roll_back(place: Ground, transactions: int) -> tuple[int, int]:
    """Dispatch in transactions that roll back. Returns how many jobs and how many messages there are then."""
    place.ask("dispatch", str(transactions), "--rolled-back")
    place.ask("dispatch", "1")  # so that the queue is there
    return place.number("SELECT count(*) FROM djcelery_jobs_job") - 1, messages(place, "fast") - 1


def messages(place: Ground, queue: str) -> int:
    """How many are ready in the queue. 0 while there is no queue yet, because nothing was published."""
    [url] = place.broker.variables.values()
    with Connection(url) as connection, connection.channel() as channel:
        if url.startswith("redis"):
            return int(channel.client.llen(queue))
        try:
            return int(channel.queue_declare(queue, passive=True).message_count)
        except NotFound:
            return 0
