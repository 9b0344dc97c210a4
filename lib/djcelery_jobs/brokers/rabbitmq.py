"""Describe RabbitMQ as the broker: its kinds of queue, and the dead queue behind each."""

import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from kombu import Exchange, Queue
from kombu.transport import TRANSPORT_ALIASES

from djcelery_jobs.brokers.workloads import Workload

# A message that came back this often because its worker died goes to the dead queue.
DELIVERY_LIMIT = 3

# Transport options of observers, who must not wait long. Seconds.
IMPATIENT = {"read_timeout": 0.8, "write_timeout": 0.8}

ARGUMENTS: dict[str, dict[str, Any]] = {
    "quorum": {"x-queue-type": "quorum", "x-delivery-limit": DELIVERY_LIMIT},
    "priority": {"x-queue-type": "classic", "x-max-priority": 10},
    "ordered": {"x-queue-type": "quorum", "x-delivery-limit": DELIVERY_LIMIT, "x-single-active-consumer": True},
}


def register_transports() -> None:
    """Let kombu find our transport by the scheme of a URL. It is imported when a process connects."""
    module = "djcelery_jobs.brokers.rabbitmq_transport"
    TRANSPORT_ALIASES.update(
        {"amqp": f"{module}:Transport", "pyamqp": f"{module}:Transport", "amqps": f"{module}:SSLTransport"}
    )


def queues(classes: Mapping[str, Workload]) -> list[Queue]:
    """Return the queues to declare: one for each class, each with a dead queue for what its workers reject."""
    exchange = Exchange("jobs", type="topic")
    return [
        QueueWithDeadQueue(name, exchange, routing_key=name, queue_arguments=_arguments(name, workload))
        for name, workload in classes.items()
    ]


def dead_queue(name: str) -> Queue:
    """Return the dead queue behind the queue `name`."""
    return Queue(f"{name}.dead", queue_arguments={"x-queue-type": "quorum"})


class QueueWithDeadQueue(Queue):
    """Declare the dead queue before the queue itself, in a worker and in a publisher.

    RabbitMQ silently drops a dead-lettered message when the queue that it should go to does not exist.
    """

    def queue_declare(self, nowait: bool = False, passive: bool = False, channel: Any = None) -> str:
        dead_queue(self.name)(channel or self.channel).queue_declare()
        return super().queue_declare(nowait=nowait, passive=passive, channel=channel)

    def bind_to(self, *args: Any, channel: Any = None, **options: Any) -> Any:
        # Each worker binds the queues of all classes, for delayed jobs; on a new broker the others are not there yet.
        self.queue_declare(channel=channel)
        return super().bind_to(*args, channel=channel, **options)


def tls_options(broker_url: str, name: str = "") -> dict[str, Any] | None:
    """Return the transport's TLS options for amqps://. Without them it takes any certificate of a known authority.

    name: the name that the certificate must have, by default the URL's host. The nodes of a cluster must share one
        name, since the transport takes no more than one; without it their names are not compared.
    """
    nodes = [urlsplit(url) for url in broker_url.split(";")]
    if nodes[0].scheme != "amqps":
        return None
    hosts = {node.hostname for node in nodes}
    return {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": name or (hosts.pop() if len(hosts) == 1 else None)}


def waits_since(channel: Any, queue: str) -> float | None:
    """Return None: RabbitMQ shows no message without delivering it, which would count towards DELIVERY_LIMIT."""
    return None


def _arguments(name: str, workload: Workload) -> dict[str, Any]:
    dead_letters = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead_queue(name).name}
    return {**ARGUMENTS[workload.kind or "quorum"], **dead_letters}
