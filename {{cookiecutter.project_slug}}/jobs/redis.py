"""Redis as the broker: its queues, and where the cache goes so that the two never meet."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from kombu import Queue

from .workloads import Workload

__all__ = ["Workload", "cache_url", "queues"]


def queues(workloads: Iterable[str]) -> list[Queue]:
    """The queues to declare: one for each class."""
    return [Queue(name, routing_key=name) for name in workloads]


def cache_url(broker_url: str) -> str:
    """The URL of the Redis database after the broker's."""
    parts = urlsplit(broker_url)
    database = int(parts.path.strip("/") or 0)
    return parts._replace(path=f"/{database + 1}").geturl()
