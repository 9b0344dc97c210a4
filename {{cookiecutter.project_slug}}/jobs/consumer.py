"""The worker's consumer: a message that no task can be run for is kept, where Celery would only log it."""

from typing import Any

from celery.worker import consumer
from django.db import connections

from . import dead_letters


class Consumer(consumer.Consumer):
    def on_unknown_task(self, body: Any, message: Any, exc: Exception) -> None:
        self._keep(message, f"No task is called {exc}.")
        super().on_unknown_task(body, message, exc)

    def on_invalid_task(self, body: Any, message: Any, exc: Exception) -> None:
        self._keep(message, f"Its message is not valid: {exc}")
        super().on_invalid_task(body, message, exc)

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        self._keep(message, f"Its arguments cannot be decoded: {exc}")
        super().on_decode_error(message, exc)

    def _keep(self, message: Any, error: str) -> None:
        dead_letters.keep_message(message, error)
        connections.close_all()  # the main process forks children, and must not share a connection with them
