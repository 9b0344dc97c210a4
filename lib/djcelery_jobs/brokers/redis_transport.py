"""kombu's way to Redis, with one client for each channel, and channels that close when the connection is gone.

kombu makes a client anew whenever it sends something: two for each job that a worker runs, and one for each that is
published. A client holds nothing but the channel's pool of connections, so one can be kept; a worker then runs about
half as many jobs again for the same CPU. Should kombu one day come by its clients in another way, nothing else changes.

Before it closes a channel, kombu reads the answer for which a worker waits there. When the connection broke there is
none, and the channel stays open. Celery closes it once more, when kombu no longer knows the server, and the worker ends
over that with all that it runs ("'NoneType' object has no attribute 'hostname'", kombu 5.7).
"""

from typing import Any

from kombu.transport import redis


class Sturdy:
    """For a channel of any kind."""

    _kept: Any = None

    def _create_client(self, asynchronous: bool = False) -> Any:
        if asynchronous:  # it has a connection of its own, and kombu keeps it
            return super()._create_client(asynchronous)
        if self._kept is None or self._kept.connection_pool is not self.pool:  # kombu closed that one
            self._kept = super()._create_client()
        return self._kept

    def close(self) -> None:
        try:
            super().close()
        except Exception:
            if self.closed:
                raise
            super().close()  # this time without an answer to wait for


class Channel(Sturdy, redis.Channel):
    """With a server."""


class SentinelChannel(Sturdy, redis.SentinelChannel):
    """With the server that the sentinels name."""


class Transport(redis.Transport):
    Channel = Channel


class SentinelTransport(redis.SentinelTransport):
    Channel = SentinelChannel
