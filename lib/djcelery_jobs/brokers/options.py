"""Derive from the broker's URL which broker it is, its queues, and the options of its transport."""

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from celery import current_app
from django.core.exceptions import ImproperlyConfigured
from kombu import Queue

from djcelery_jobs.brokers import rabbitmq, redis
from djcelery_jobs.brokers.workloads import Workload

Kind = Literal["redis", "rabbitmq", "memory"]
KINDS: dict[str, Kind] = {
    **dict.fromkeys(("redis", "rediss", "sentinel"), "redis"),
    **dict.fromkeys(("amqp", "amqps", "pyamqp"), "rabbitmq"),
    "memory": "memory",
}


def kind_of(url: str) -> Kind | None:
    """Return which broker a URL leads to. None: one that the job layer does not support."""
    return KINDS.get(url.partition(":")[0])


def broker_url() -> str:
    """Return the URL to which this process publishes."""
    return current_app.conf.broker_write_url or ""


def broker_kind() -> Kind | None:
    """Return which broker this process publishes to."""
    return kind_of(broker_url())


def node_count(url: str) -> int:
    """Return how many nodes a client may have to try. Sentinels are no nodes: they say which server is the one."""
    return len(url.split(";")) if kind_of(url) == "rabbitmq" else 1


def register_transports() -> None:
    """Let kombu find our transports by the scheme of a URL."""
    rabbitmq.register_transports()
    redis.register_transports()


def queues(workloads: Mapping[str, Workload], url: str) -> list[Queue]:
    """Return the queues to declare for CELERY_TASK_QUEUES: one for each workload class, of the broker's kind.

    Raises ImproperlyConfigured for a class whose kind of queue this broker does not have.
    """
    if kind_of(url) == "rabbitmq":
        return rabbitmq.queues(workloads)
    for name, workload in workloads.items():
        if workload.kind is not None:
            raise ImproperlyConfigured(
                f'The workload class {name} has kind="{workload.kind}", which only RabbitMQ has. '
                f"Remove `kind`, or use an amqp:// URL."
            )
    return redis.queues(workloads)


def tls_options(url: str, *, name: str = "") -> dict[str, Any] | None:
    """Return the value of CELERY_BROKER_USE_SSL for this URL, or None if the URL does not ask for TLS.

    name: the name in the certificates of a RabbitMQ cluster; without it, the host of the URL.
    """
    return rabbitmq.tls_options(url, name) if urlsplit(url).scheme == "amqps" else redis.tls_options(url)
