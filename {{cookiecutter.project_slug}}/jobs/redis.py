"""Redis as the broker: its queues, and where the cache goes so that the two never meet."""

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from kombu import Queue

from .workloads import Workload

__all__ = ["Workload", "cache_url", "queues"]

# For who only looks and must not wait long. Seconds.
IMPATIENT = {"socket_timeout": 0.8, "socket_connect_timeout": 0.8}


def queues(workloads: Iterable[str]) -> list[Queue]:
    """The queues to declare: one for each class."""
    return [Queue(name, routing_key=name) for name in workloads]


def cache_url(broker_url: str) -> str:
    """The URL of the Redis database after the broker's."""
    parts = urlsplit(broker_url)
    database = int(parts.path.strip("/") or 0)
    return parts._replace(path=f"/{database + 1}").geturl()


def waits_since(channel: Any, queue: str) -> float | None:
    """Since when the oldest message of the queue waits, by its own header. It stays where it is."""
    if not hasattr(channel, "client"):
        return None  # tests have their queues in memory
    with channel.client.pipeline() as pipe:
        for priority in channel.priority_steps:
            pipe.lindex(channel._q_for_pri(queue, priority), -1)  # kombu takes messages from this end
        oldest = [json.loads(message)["headers"].get("waits_since") for message in pipe.execute() if message]
    return min((since for since in oldest if since), default=None)
