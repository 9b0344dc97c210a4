"""A question to something that may hang."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any


class Bounded:
    """Asked by one thread at a time. Who comes while it is asked shares that answer.

    So a server that hangs holds one thread, however many requests want to know about it. What is asked must end by a
    timeout of its own: until then, later questions hear nothing either.
    """

    def __init__(self, ask: Callable[[], Any]) -> None:
        self.ask = ask
        self._forget()
        # The thread that asks is not there in a child: it would wait for ever for the answer to its parent's question.
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._answer: Future[Any] | None = None
        self._lock = threading.Lock()

    def begin(self) -> Future[Any]:
        """Ask, and wait for nothing. The caller says how long it waits: `.result(timeout=seconds)`."""
        with self._lock:
            if self._answer is None or self._answer.done():
                self._answer = Future()
                # A daemon: a process that ends does not wait for a server that hangs.
                threading.Thread(target=self._fulfil, args=(self._answer,), daemon=True, name="bounded").start()
            return self._answer

    def _fulfil(self, answer: "Future[Any]") -> None:
        try:
            answer.set_result(self.ask())
        except BaseException as error:  # noqa: BLE001  whoever waits for the answer gets it
            answer.set_exception(error)
