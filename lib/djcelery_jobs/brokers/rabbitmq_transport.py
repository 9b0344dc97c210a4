"""Extend kombu's RabbitMQ transport so that several projects can share a virtual host.

kombu's Redis transport has `global_keyprefix` for this; its RabbitMQ transport has nothing like it. Here the transport
option `name_prefix` is put before the name of each queue and exchange on the way to the server, and removed from what
comes back. So the project, Celery's delayed delivery and its remote control use plain names, and meet no other project.
"""

from typing import Any

from kombu.transport import pyamqp
from kombu.transport.pyamqp import Message

SERVER_NAMES = "amq."  # the server's own exchanges, and queues that it named itself


class Channel(pyamqp.Channel):
    """Talk to the server about queues and exchanges whose names begin with the prefix."""

    def __init__(self, connection: "Connection", *args: Any, **options: Any) -> None:
        self.name_prefix = connection.name_prefix
        super().__init__(connection, *args, **options)

    def exchange_declare(self, exchange: str, *args: Any, **options: Any) -> Any:
        return super().exchange_declare(self._prefixed(exchange), *args, **options)

    def exchange_delete(self, exchange: str, *args: Any, **options: Any) -> Any:
        return super().exchange_delete(self._prefixed(exchange), *args, **options)

    def exchange_bind(self, destination: str, source: str = "", *args: Any, **options: Any) -> Any:
        return super().exchange_bind(self._prefixed(destination), self._prefixed(source), *args, **options)

    def exchange_unbind(self, destination: str, source: str = "", *args: Any, **options: Any) -> Any:
        return super().exchange_unbind(self._prefixed(destination), self._prefixed(source), *args, **options)

    def queue_declare(self, queue: str = "", *args: Any, arguments: Any = None, **options: Any) -> Any:
        """Declare a queue, and the exchange or queue that its dead messages go to by their prefixed names."""
        arguments = self._with_prefixed_targets(arguments)
        declared = super().queue_declare(self._prefixed(queue), *args, arguments=arguments, **options)
        return declared and declared._replace(queue=self._plain(declared.queue))

    def queue_bind(self, queue: str, exchange: str = "", *args: Any, **options: Any) -> Any:
        return super().queue_bind(self._prefixed(queue), self._prefixed(exchange), *args, **options)

    def queue_unbind(self, queue: str, exchange: str, *args: Any, **options: Any) -> Any:
        return super().queue_unbind(self._prefixed(queue), self._prefixed(exchange), *args, **options)

    def queue_delete(self, queue: str = "", *args: Any, **options: Any) -> Any:
        return super().queue_delete(self._prefixed(queue), *args, **options)

    def queue_purge(self, queue: str = "", *args: Any, **options: Any) -> Any:
        return super().queue_purge(self._prefixed(queue), *args, **options)

    def basic_consume(self, queue: str = "", *args: Any, **options: Any) -> Any:
        return super().basic_consume(self._prefixed(queue), *args, **options)

    def basic_get(self, queue: str = "", *args: Any, **options: Any) -> Any:
        return super().basic_get(self._prefixed(queue), *args, **options)

    def basic_publish(self, msg: Any, exchange: str = "", routing_key: str = "", *args: Any, **options: Any) -> Any:
        return super().basic_publish(msg, *self._target(exchange, routing_key), *args, **options)

    def basic_publish_confirm(
        self, msg: Any, exchange: str = "", routing_key: str = "", *args: Any, **options: Any
    ) -> Any:
        """Publish and wait for the server's confirmation; used in place of `basic_publish` with `confirm_publish`."""
        return super().basic_publish_confirm(msg, *self._target(exchange, routing_key), *args, **options)

    def message_to_python(self, raw_message: Any) -> Message:
        """Return the message as if it had come by plain names, so that a retry does not get the prefix twice."""
        info = raw_message.delivery_info
        if not info.get("exchange"):
            info["routing_key"] = self._plain(info.get("routing_key", ""))
        info["exchange"] = self._plain(info.get("exchange", ""))
        return super().message_to_python(raw_message)

    def _prefixed(self, name: str) -> str:
        return name if not name or name.startswith(SERVER_NAMES) else self.name_prefix + name

    def _plain(self, name: str) -> str:
        return name.removeprefix(self.name_prefix)

    def _target(self, exchange: str, routing_key: str) -> tuple[str, str]:
        # The default exchange has no name, and its routing key is the name of a queue.
        return (self._prefixed(exchange), routing_key) if exchange else ("", self._prefixed(routing_key))

    def _with_prefixed_targets(self, arguments: dict[str, Any] | None) -> dict[str, Any] | None:
        if not arguments or "x-dead-letter-exchange" not in arguments:
            return arguments
        exchange, routing_key = self._target(
            arguments["x-dead-letter-exchange"], arguments.get("x-dead-letter-routing-key", "")
        )
        targets = {"x-dead-letter-exchange": exchange}
        if routing_key:
            targets["x-dead-letter-routing-key"] = routing_key
        return arguments | targets


class Connection(pyamqp.Connection):
    """Connect to a server, and remember the prefix for the channels."""

    Channel = Channel

    def __init__(self, *args: Any, name_prefix: str = "", **options: Any) -> None:
        self.name_prefix = name_prefix
        super().__init__(*args, **options)


class Transport(pyamqp.Transport):
    Connection = Connection


class SSLTransport(pyamqp.SSLTransport):
    Connection = Connection
