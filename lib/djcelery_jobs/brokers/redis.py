"""Describe Redis as the broker: its queues, its sentinels, its TLS, and how long messages have waited."""

import json
import math
import ssl
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from kombu import Queue
from kombu.transport import TRANSPORT_ALIASES

# Transport options of observers, who must not wait long. Seconds.
IMPATIENT = {"socket_timeout": 0.8, "socket_connect_timeout": 0.8}


def register_transports() -> None:
    """Let kombu find our transport by the scheme of a URL. It is imported when a process connects."""
    TRANSPORT_ALIASES.update(
        {
            "redis": "djcelery_jobs.brokers.redis_transport:Transport",
            "rediss": "djcelery_jobs.brokers.redis_transport:Transport",
            "sentinel": "djcelery_jobs.brokers.redis_transport:SentinelTransport",
        }
    )


def queues(workloads: Iterable[str]) -> list[Queue]:
    """Return the queues to declare: one for each class."""
    return [Queue(name, routing_key=name) for name in workloads]


def sentinel_options(broker_url: str, *, service: str, password: str, sockets: dict[str, Any]) -> dict[str, Any]:
    """Return the transport options for asking sentinels for the server. For the URL of a server they are empty.

    service: the name under which the sentinels watch the server.
    password: that of the sentinels themselves. The server's user and password are in the URL.
    sockets: the options of the server's sockets, which hold for the sentinels too.
    """
    if urlsplit(broker_url).scheme != "sentinel":
        return {}
    login = {"password": password} if password else {}
    return {"master_name": service, "sentinel_kwargs": sockets | login}


def tls_options(broker_url: str) -> dict[str, Any] | None:
    """Return the transport's TLS options for rediss://. Without them it accepts any certificate.

    The certificate must be the host's, and of an authority that this machine knows or SSL_CERT_FILE holds. A URL with
    `ssl_` parameters decides for itself.
    """
    parts = urlsplit(broker_url)
    if parts.scheme != "rediss" or "ssl_" in parts.query:
        return None
    return {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True}


def waits_since(channel: Any, queue: str) -> float | None:
    """Return since when the oldest message of the queue waits, by its own header. It stays where it is.

    None: the queue is empty, or some other program put the message there and nobody can say.
    """
    if not hasattr(channel, "client"):
        return None  # tests have their queues in memory
    with channel.client.pipeline() as pipe:
        for priority in channel.priority_steps:
            # kombu takes messages from this end. It puts its key prefix before the keys of the commands that it uses
            # itself, and LINDEX is not one of them.
            pipe.lindex(f"{channel.global_keyprefix}{channel._q_for_pri(queue, priority)}", -1)
        oldest = [_waits_since(message) for message in pipe.execute() if message]
    return min((since for since in oldest if since is not None), default=None)


def _waits_since(message: bytes) -> float | None:
    try:
        since = json.loads(message)["headers"]["waits_since"]
    except Exception:  # noqa: BLE001  anybody may have written it: no JSON, another shape, nested too deeply
        return None
    known = isinstance(since, int | float) and math.isfinite(since) and since > 0
    return float(since) if known else None
