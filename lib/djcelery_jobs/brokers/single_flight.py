"""Call a function that may hang, from one thread at a time."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any


class SingleFlight:
    """Call a function in one thread at a time. Whoever starts it while it runs shares its result.

    So a server that hangs holds one thread, however many requests want its answer. The function must end by a timeout
    of its own: until then, later callers get no answer either.
    """

    def __init__(self, fetch: Callable[[], Any]) -> None:
        self.fetch = fetch
        self._forget()
        # A forked child has no such thread: it would wait forever for the answer to its parent's call.
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._answer: Future[Any] | None = None
        self._lock = threading.Lock()

    def start(self) -> Future[Any]:
        """Start the call, unless it is under way, without waiting for it: `.start().result(timeout=seconds)`."""
        with self._lock:
            if self._answer is None or self._answer.done():
                self._answer = Future()
                # A daemon thread: a process that exits does not wait for a server that hangs.
                threading.Thread(target=self._fulfil, args=(self._answer,), daemon=True, name="single flight").start()
            return self._answer

    def _fulfil(self, answer: "Future[Any]") -> None:
        try:
            answer.set_result(self.fetch())
        except BaseException as error:  # noqa: BLE001  whoever waits for the answer gets it
            answer.set_exception(error)
