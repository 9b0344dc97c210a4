"""Let COUNT messages and as many rows wait, then say what one step of each kind takes beside them, in milliseconds."""

import json
import time

from celery import current_app
from django.core.management.base import BaseCommand
from django.db import connection
from kombu import Connection
from workload.management.commands.plans import fill
from workload.tasks import noop, noop_durable

from djcelery_jobs.brokers.queue_lengths import fetch
from djcelery_jobs.core.relay import relay
from djcelery_jobs.models import Job

QUEUE, STEPS, HEAP = "fast", 50, 5_000


class Command(BaseCommand):
    def add_arguments(self, parser):
        parser.add_argument("count", type=int)
        parser.add_argument("--rounds", type=int, default=5)

    def handle(self, count: int, rounds: int, **options):
        # Without waiting for a confirm of each: a million are many.
        with current_app.connection_for_write(transport_options={"confirm_publish": False}) as broker:
            wait_at(broker, count)
            Job.objects.all().delete()
            fill("waiting", count, "interval '1 hour'", "NULL")
            with connection.cursor() as cursor:
                cursor.execute("VACUUM ANALYZE djcelery_jobs_job")
            relay()  # so that none of the steps below is a first one
            channel = broker.channel()
            steps = {
                "publish": lambda: noop.delay(),
                "dispatch a durable job": lambda: noop_durable.delay(),
                "consume and ack": lambda: channel.basic_ack(channel.basic_get(QUEUE).delivery_tag),
                "depth of all queues": fetch,
                "relay, nothing due": relay,
            }
            self.stdout.write(json.dumps({name: milliseconds(step, rounds) for name, step in steps.items()}))


def milliseconds(step, rounds: int) -> float:
    """Return what one step takes, in the quickest of a few rounds: the others were disturbed by something else."""
    step()
    return min(_one_round(step) for _ in range(rounds))


def _one_round(step) -> float:
    begun = time.perf_counter()
    for _ in range(STEPS):
        step()
    return (time.perf_counter() - begun) / STEPS * 1000


def wait_at(broker: Connection, count: int) -> None:
    """Leave that many messages in the queue and no others, all of them copies of one that was published."""
    channel = broker.channel()
    channel.queue_purge(QUEUE)
    noop.delay()
    if client := getattr(channel, "client", None):  # Redis
        one = client.lindex(f"{channel.global_keyprefix}{QUEUE}", 0)
        for heap in range(0, count - 1, HEAP):
            client.lpush(QUEUE, *[one] * min(HEAP, count - 1 - heap))
    else:
        one = channel.basic_get(QUEUE)  # goes back when the channel closes
        for _ in range(count - 1):
            channel.basic_publish(one, exchange="", routing_key=QUEUE)
    channel.close()
    while fetch()[QUEUE].messages < count:
        time.sleep(0.1)
