"""Extend kombu's Redis transport so that neither a message, a lost connection nor a full server ends a worker.

One client per channel: kombu creates a client whenever it sends something, two for each job that a worker runs. A
client holds nothing but the channel's pool of connections, so one can be reused. A worker then runs about half as many
jobs again for the same CPU.

Records without a transaction: kombu sends two commands when a message is taken, and two when it is acknowledged, each
time as a MULTI with four answers, which is a third of the CPU of a worker's main process. The two go out in one packet.
If Redis dies between them, a tag is left without its message, or the text of an acknowledged message without its tag.
Neither returns to a queue. A message whose record is lost is one of those that Redis loses when it dies, as before.

Channels that close when the connection is gone: before kombu closes a channel, it reads the answer that a worker waits
for there. When the connection broke there is no answer, and the channel stays open. Celery closes it once more, when
kombu no longer knows the server, and the worker exits over that with everything it runs ("'NoneType' object has no
attribute 'hostname'", kombu 5.7).

Runs that go on: when a connection is lost, kombu returns every unacknowledged message to its queue, also those whose
jobs are running, and these would start a second time beside themselves. Here such a message stays where Redis keeps
what is unacknowledged, and the next channel acknowledges it. If the worker dies, the message returns after the
visibility timeout, as it would without a lost connection.

A prefix before every key: kombu looks for a queue without `global_keyprefix`, so with one it finds no queue, and no
message in it (kombu 5.7).

A full server: a Redis that may take no more memory refuses to record that a message was taken, after it was taken. The
worker runs the message all the same, since running what waits is the only way to empty the server.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from kombu import Message
from kombu.transport import redis, virtual
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError
from redis.exceptions import TimeoutError as RedisTimeoutError

from djcelery_jobs.brokers import running_deliveries
from djcelery_jobs.brokers.redis_envelope import well_formed

logger = logging.getLogger(__name__)

WARNING_PAUSE = 30  # seconds between two warnings that the server is full


class FullServer:
    """Warn now and then that the server is full."""

    def __init__(self) -> None:
        self.warned_at = float(-WARNING_PAUSE)

    def warn(self, consequence: str) -> None:
        """Log what does not happen because of it, unless a warning was just logged."""
        if time.monotonic() - self.warned_at >= WARNING_PAUSE:
            self.warned_at = time.monotonic()
            logger.error("Redis is out of memory: %s. Raise its maxmemory or empty a queue.", consequence)


full_server = FullServer()


class PlainPipeline:
    """Collect commands and send them at once, as a pipeline of redis-py does, but without a transaction."""

    def __init__(self, client: Any, prefix: str) -> None:
        self.client, self.prefix = client, prefix
        self.commands: list[tuple[Any, ...]] = []

    def zadd(self, key: str, scores: dict[str, float]) -> "PlainPipeline":
        return self._add("ZADD", key, *(word for member, score in scores.items() for word in (score, member)))

    def hset(self, key: str, field: str, value: str) -> "PlainPipeline":
        return self._add("HSET", key, field, value)

    def zrem(self, key: str, member: str) -> "PlainPipeline":
        return self._add("ZREM", key, member)

    def hdel(self, key: str, field: str) -> "PlainPipeline":
        return self._add("HDEL", key, field)

    def _add(self, command: str, key: str, *words: Any) -> "PlainPipeline":
        self.commands.append((command, f"{self.prefix}{key}", *words))
        return self

    def execute(self) -> None:
        """Send the commands and read the answers. On a connection that broke, let the client try again as it does."""
        try:
            self._execute()
        except (RedisConnectionError, RedisTimeoutError):
            with self.client.pipeline() as pipe:
                for command, key, *words in self.commands:
                    pipe.execute_command(command, key.removeprefix(self.prefix), *words)
                pipe.execute()

    def _execute(self) -> None:
        pool = self.client.connection_pool
        connection = pool.get_connection()
        try:
            connection.send_packed_command(connection.pack_commands(self.commands))
            for _ in self.commands:
                connection.read_response()
        except BaseException:
            connection.disconnect()  # there may be answers that nobody has read
            raise
        finally:
            pool.release(connection)


class QoS(redis.QoS):
    """Record which messages are taken and not acknowledged."""

    @contextmanager
    def pipe_or_acquire(self, pipe: Any = None, client: Any = None) -> Iterator[Any]:
        """Yield what records a message that was taken or acknowledged."""
        if pipe:
            yield pipe
        else:
            with self.channel.conn_or_acquire(client) as client:
                yield PlainPipeline(client, self.channel.global_keyprefix)

    def append(self, message: Message, delivery_tag: str) -> None:
        """Record a message that was taken. On a full server, remember it in this process only."""
        try:
            super().append(message, delivery_tag)
        except OutOfMemoryError:
            full_server.warn("a message is run without a record; if its worker dies, a plain task is lost")
            virtual.QoS.append(self, message, delivery_tag)

    def restore_unacked(self, client: Any = None) -> None:
        """Return what is unacknowledged to its queue, but not the messages whose jobs are running."""
        running = running_deliveries.tags()
        for tag in {*self._delivered, *self.channel.adopted}.difference(running):
            try:
                self.restore_by_tag(tag, client=client)
            except OutOfMemoryError:
                full_server.warn("a message returns to its queue only after the visibility timeout")
        self._delivered.clear()

    def restore_visible(self, *args: Any, **options: Any) -> None:
        """Return to its queue what nobody acknowledged within the visibility timeout. A full server takes nothing."""
        try:
            super().restore_visible(*args, **options)
        except OutOfMemoryError:
            full_server.warn("messages of workers that died do not return to their queue")


class ReusedClientMixin:
    """Extend a channel to a server, or to the server that sentinels name."""

    QoS = QoS
    _reused_client: Any = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.adopted: set[str] = set()

    def _create_client(self, asynchronous: bool = False) -> Any:
        if asynchronous:  # it has a connection of its own, and kombu keeps it
            client = super()._create_client(asynchronous)
            client.parse_response = partial(_read, client.parse_response, self.sep)
            return client
        if self._reused_client is None or self._reused_client.connection_pool is not self.pool:  # kombu closed that one
            self._reused_client = super()._create_client()
        return self._reused_client

    def _has_queue(self, queue: str, **options: Any) -> bool:
        if not self.global_keyprefix:
            return bool(super()._has_queue(queue, **options))
        with self.conn_or_acquire() as client, client.pipeline() as pipe:
            for priority in self.priority_steps:
                pipe.exists(f"{self.global_keyprefix}{self._q_for_pri(queue, priority)}")
            return any(pipe.execute())

    def _queue_bind(self, *args: Any) -> None:
        try:
            super()._queue_bind(*args)
        except OutOfMemoryError:
            full_server.warn("a queue is not declared anew; one that was declared before works")

    def adopt(self, message: Message) -> None:
        """Acknowledge on this channel a message that was received on one that is lost. Its tag is valid on any."""
        message.channel = self
        self.adopted.add(message.delivery_tag)

    def close(self) -> None:
        """Close the channel, also when the answer that a worker waits for on it can no longer be read."""
        try:
            super().close()
        except Exception:
            if self.closed:
                raise
            super().close()  # this time without an answer to wait for


def _read(parse: Callable[..., Any], separator: str, connection: Any, command: str, **options: Any) -> Any:
    """Read an answer, and let a message in it be an envelope whatever somebody pushed into the queue."""
    answer = parse(connection, command, **options)
    if command == "BRPOP" and answer:
        key, item = answer
        text = key.decode() if isinstance(key, bytes) else key
        return key, well_formed(item, text.rsplit(separator, 1)[0])
    return answer


class Channel(ReusedClientMixin, redis.Channel):
    """Talk to one server."""


class SentinelChannel(ReusedClientMixin, redis.SentinelChannel):
    """Talk to the server that the sentinels name."""


class Transport(redis.Transport):
    Channel = Channel


class SentinelTransport(redis.SentinelTransport):
    Channel = SentinelChannel
