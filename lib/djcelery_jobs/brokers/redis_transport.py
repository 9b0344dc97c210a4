"""Extend kombu's Redis transport so that neither a message, a lost connection nor a full server ends a worker.

One client per channel: kombu creates a client whenever it sends something, two for each job that a worker runs. A
client holds nothing but the channel's pool of connections, so one can be reused. A worker then runs about half as many
jobs again for the same CPU.

No record of a durable job's message: kombu notes in Redis which messages are taken, and returns one whose worker died
when the visibility timeout is over. The row of a durable job brings it back sooner, so nothing is noted of those. A
worker that lets go of such a message puts it back from its own memory.

Records without a transaction: for any other message, kombu sends two commands when it is taken, and two when it is
acknowledged, each time as a MULTI with four answers, which is a third of the CPU of a worker's main process. Here the
two go out in one packet, on a connection that is kept for them. If Redis dies between them, a tag is left without its
message, or the text of an acknowledged message without its tag. Neither returns to a queue. A message whose record is
lost is one of those that Redis loses when it dies, as before.

Channels that close when the connection is gone: before kombu closes a channel, it reads the answer that a worker waits
for there. When the connection broke there is no answer, and the channel stays open. Celery closes it once more, when
kombu no longer knows the server, and the worker exits over that with everything it runs ("'NoneType' object has no
attribute 'hostname'", kombu 5.7).

Runs that go on: when a connection is lost, kombu returns every unacknowledged message to its queue, also those whose
jobs are running, and these would start a second time beside themselves. Here such a message is not returned, and the
next channel acknowledges it. If the worker dies, a message that is recorded returns after the visibility timeout, as it
would without a lost connection.

Sockets that are watched already: at each turn of the event loop, some four for each job, kombu tells it of each socket
anew.

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
from threading import Lock
from typing import Any

from celery import current_app
from kombu import Message
from kombu.transport import redis, virtual
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError
from redis.exceptions import TimeoutError as RedisTimeoutError

from djcelery_jobs.brokers import running_deliveries
from djcelery_jobs.brokers.redis_envelope import well_formed

logger = logging.getLogger(__name__)

WARNING_PAUSE = 30  # seconds between two equal warnings that the server is full


class FullServer:
    """Warn now and then that the server is full."""

    def __init__(self) -> None:
        self.warned_at: dict[str, float] = {}

    def warn(self, consequence: str) -> None:
        """Log a consequence, unless the same one was just logged."""
        if time.monotonic() - self.warned_at.get(consequence, -WARNING_PAUSE) >= WARNING_PAUSE:
            self.warned_at[consequence] = time.monotonic()
            logger.error("Redis is out of memory: %s. Raise its maxmemory or empty a queue.", consequence)


full_server = FullServer()


class KeptConnection:
    """Keep one connection of a pool from use to use: to borrow one costs as much CPU as to talk on it."""

    def __init__(self) -> None:
        self.pool: Any = None
        self.connection: Any = None
        self.in_use = Lock()

    @contextmanager
    def of(self, pool: Any) -> Iterator[Any]:
        """Yield the connection of this pool. Where two threads talk at the same time, the second borrows another."""
        if not self.in_use.acquire(blocking=False):
            borrowed = pool.get_connection()
            try:
                yield borrowed
            finally:
                pool.release(borrowed)
            return
        try:
            if self.pool is not pool:
                self.connection, self.pool = pool.get_connection(), pool
            yield self.connection
        finally:
            self.in_use.release()


class PlainPipeline:
    """Collect commands and send them at once, as a pipeline of redis-py does, but without a transaction."""

    def __init__(self, client: Any, prefix: str, kept: KeptConnection) -> None:
        self.client, self.prefix, self.kept = client, prefix, kept
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
        with self.kept.of(self.client.connection_pool) as connection:
            try:
                connection.send_packed_command(connection.pack_commands(self.commands))
                for _ in self.commands:
                    connection.read_response()
            except BaseException:
                connection.disconnect()  # there may be answers that nobody has read
                raise


def _has_row(message: Message) -> bool:
    """Return whether the message is that of a durable job: the outbox gives it an id, and Celery gives none."""
    task = message.headers.get("task")
    if not isinstance(task, str) or not message.properties.get("message_id"):
        return False
    return bool(getattr(current_app.tasks.get(task), "durable", False))


class QoS(redis.QoS):
    """Record which messages are taken and not acknowledged.

    unrecorded: the tags of those that only this process knows to be taken.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.kept = KeptConnection()
        self.unrecorded: set[str] = set()

    @contextmanager
    def pipe_or_acquire(self, pipe: Any = None, client: Any = None) -> Iterator[Any]:
        """Yield what records a message that was taken or acknowledged."""
        if pipe:
            yield pipe
        else:
            with self.channel.conn_or_acquire(client) as client:
                yield PlainPipeline(client, self.channel.global_keyprefix, self.kept)

    def append(self, message: Message, delivery_tag: str) -> None:
        """Record a message that was taken. Only this process remembers a durable job's, and any on a full server."""
        if _has_row(message):
            self._append_unrecorded(message, delivery_tag)
            return
        try:
            super().append(message, delivery_tag)
        except OutOfMemoryError:
            full_server.warn("a message is run without a record; if its worker dies, a plain task is lost")
            self._append_unrecorded(message, delivery_tag)

    def _append_unrecorded(self, message: Message, delivery_tag: str) -> None:
        self.unrecorded.add(delivery_tag)
        virtual.QoS.append(self, message, delivery_tag)

    def ack(self, delivery_tag: str) -> None:
        """Forget a message that has been handled."""
        if delivery_tag in self.unrecorded:
            self.unrecorded.remove(delivery_tag)
            virtual.QoS.ack(self, delivery_tag)
        else:
            super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Forget a message, or return it to its queue."""
        if requeue:
            super().reject(delivery_tag, requeue=True)
        else:
            self.ack(delivery_tag)

    def restore_by_tag(self, tag: str, client: Any = None, leftmost: bool = False) -> None:
        """Return a message to its queue. kombu returns what is recorded, so what is not is recorded first."""
        if tag in self.unrecorded:
            super().append(self._delivered[tag], tag)
            self.unrecorded.remove(tag)
        super().restore_by_tag(tag, client=client, leftmost=leftmost)

    def restore_unacked(self, client: Any = None) -> None:
        """Return what is unacknowledged to its queue, but not the messages whose jobs are running."""
        running = running_deliveries.tags()
        for tag in {*self._delivered, *self.channel.adopted}.difference(running):
            try:
                self.restore_by_tag(tag, client=client)
            except OutOfMemoryError:
                full_server.warn(self._what_becomes_of(tag))
        self._delivered.clear()

    def _what_becomes_of(self, tag: str) -> str:
        """Say what happens to a message that cannot be returned to its queue."""
        if tag not in self.unrecorded:
            return "a message returns to its queue only after the visibility timeout"
        if _has_row(self._delivered[tag]):
            return "a durable job waits until the relay publishes it again"
        return "a plain task that had not begun is lost"

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


class Poller(redis.MultiChannelPoller):
    """Tell the event loop of each socket once, and not at each of its turns: that is a system call, which fails."""

    loop: Any = None
    reader: Callable[[int], None] | None = None  # what the loop calls for each of them

    @property
    def fds(self) -> dict[int, Any]:
        """Return the sockets that are to be watched, without those that the event loop knows to be ours."""
        watched: dict[int, Any] = super().fds
        if self.loop is None:
            return watched
        known = self.loop.readers  # may still name the reader of a lost connection, whose number came again
        return {fd: kind for fd, kind in watched.items() if known.get(fd) != (self.reader, (fd,))}


class KnownSocketsMixin:
    """Extend a transport by this poller."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.cycle = Poller()

    def register_with_event_loop(self, connection: Any, loop: Any) -> None:
        """Let this event loop watch the sockets."""
        self.cycle.loop, self.cycle.reader = loop, self.on_readable
        super().register_with_event_loop(connection, loop)


class Transport(KnownSocketsMixin, redis.Transport):
    Channel = Channel


class SentinelTransport(KnownSocketsMixin, redis.SentinelTransport):
    Channel = SentinelChannel
