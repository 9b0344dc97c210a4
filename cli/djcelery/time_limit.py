"""Bound how long a piece of work may take, on systems that have timers."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

REPEAT = 1.0  # seconds until a raised end is raised again: Python drops an exception inside of a finaliser


class TookTooLong(Exception):  # noqa: N818 it names what happened
    """Say that the work inside `time_limit` was ended."""


class _Expired(BaseException):
    """Carry the end of a limit from wherever the work is to `time_limit`; no `except Exception` may catch it."""

    def __init__(self, deadline: float) -> None:
        super().__init__(deadline)
        self.deadline = deadline


_deadlines: list[float] = []  # of the limits around the current work, the outermost first
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_deadlines.clear)  # a child does not inherit the timers


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TookTooLong at the end of the block's time. A limit around it that ends first counts as itself.

    There is no limit outside of the main thread, and none on Windows.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return
    deadline = time.monotonic() + seconds
    previous = signal.signal(signal.SIGALRM, _expire)
    _deadlines.append(deadline)
    _set_timer()
    try:
        yield
    except _Expired as expired:
        signal.setitimer(signal.ITIMER_REAL, REPEAT, REPEAT)
        if expired.deadline != deadline:
            raise
        raise TookTooLong(f"took more than {seconds:g} seconds") from None
    finally:
        _deadlines.pop()
        _set_timer()
        signal.signal(signal.SIGALRM, previous)


def _set_timer() -> None:
    """Set the timer to the next end, or switch it off. An end that has passed is already being raised."""
    delay = min(_deadlines) - time.monotonic() if _deadlines else 0
    signal.setitimer(signal.ITIMER_REAL, delay if delay > 0 or not _deadlines else REPEAT, REPEAT)


def _expire(_signum: int, _frame: FrameType | None) -> None:
    now = time.monotonic()
    for deadline in _deadlines:
        if deadline <= now:
            raise _Expired(deadline)
