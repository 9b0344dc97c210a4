"""Receive messages so that none ends the worker, stops a queue, or is lost, whatever it holds.

A message that no task can run is kept as a dead letter, then acknowledged. Celery's signals for such messages are sent
after it has rejected them, so a kill or a database that is down would lose them in between; a message that cannot be
decoded has no signal. Therefore the handlers are extended instead.
"""

import logging
from collections.abc import Callable
from typing import Any

from celery.worker import consumer
from django.db import connections
from kombu import Message

from djcelery_jobs.core import stray_messages
from djcelery_jobs.worker import message_faults

logger = logging.getLogger(__name__)

# Seconds until a message that could not be kept, because the database is down, is tried again.
RETURN_DELAY = 5


class Consumer(consumer.Consumer):
    """Keep a message for which no task can run as a dead letter, and let the worker continue."""

    def create_task_handler(self, *args: Any, **options: Any) -> Callable[[Message], None]:
        """Return Celery's handler inside a net: whatever raises while a message is received is that message's fault."""
        receive = super().create_task_handler(*args, **options)

        def on_message(message: Message) -> None:
            try:
                if fault := message_faults.find(message):
                    self._set_aside(message, fault)
                else:
                    receive(message)
            except KeyError as error:  # kombu counts it among the errors of a lost connection
                self._set_aside(message, _sentence(error))
            except (*self.connection_errors, *self.channel_errors):
                raise
            except Exception as error:  # noqa: BLE001  the worker goes on
                self._set_aside(message, _sentence(error))

        return on_message

    def on_unknown_message(self, body: Any, message: Message) -> None:
        """Keep a message that is not a task's."""
        self._set_aside(message, "It is not the message of a task.", super().on_unknown_message, body, message)

    def on_unknown_task(self, body: Any, message: Message, exc: Exception) -> None:
        """Keep a message whose task does not exist here."""
        self._set_aside(message, f"No task is called {exc}.", super().on_unknown_task, body, message, exc)

    def on_invalid_task(self, body: Any, message: Message, exc: Exception) -> None:
        """Keep a message that Celery refuses."""
        self._set_aside(message, f"Its message is not valid: {exc}", super().on_invalid_task, body, message, exc)

    def on_decode_error(self, message: Message, exc: Exception) -> None:
        """Keep a message that cannot be decoded."""
        self._set_aside(message, f"Its arguments cannot be decoded: {exc}", super().on_decode_error, message, exc)

    def _set_aside(self, message: Message, error: str, reject: Callable[..., None] | None = None, *args: Any) -> None:
        """Keep the message as a dead letter and acknowledge it.

        reject: Celery's handler with its log line, signals and events. Without a database the message returns to its
        queue a little later instead, since nothing else would remember it.
        """
        kept = stray_messages.keep(message, error)
        connections.close_all()  # the main process forks children, and must not share a connection with them
        if not kept:
            self.timer.call_after(RETURN_DELAY, self._return_to_queue, (message,))
            return
        try:
            if reject:
                reject(*args)
        except Exception:
            logger.exception("could not announce a message that no task can run")
        if not message.acknowledged:
            message.reject_log_error(logger, self.connection_errors)

    def _return_to_queue(self, message: Message) -> None:
        if not message.acknowledged:
            message.reject_log_error(logger, self.connection_errors, requeue=True)


def _sentence(error: Exception) -> str:
    return f"It could not be received: {type(error).__name__}: {error}"
