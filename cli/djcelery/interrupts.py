"""Turn Ctrl-C, SIGTERM and SIGHUP into one exception, raised at most once, so that no cleanup is cut short."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

_previous_handlers: dict[int, Any] = {}
_received: list[int] = []
_deferring = False


class Interrupted(BaseException):
    """Say that somebody wants this process to stop. The exit code is 128 + the number of the signal."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.exit_code = 128 + signum


def _interrupt(signum: int, _frame: FrameType | None) -> None:
    ignore()
    _received.append(signum)
    if not _deferring:
        raise Interrupted(signum)


def ignore() -> None:
    """Ignore the signals from now on."""
    for number in _previous_handlers:
        signal.signal(number, signal.SIG_IGN)


def check() -> None:
    """Raise Interrupted if a signal arrived whose exception was lost (Python drops one raised in a finaliser)."""
    if _received:
        raise Interrupted(_received[0])


@contextmanager
def deferred() -> Iterator[None]:
    """Make signals wait until the end of the block, for steps that must not be cut in two."""
    global _deferring
    _deferring = True
    try:
        yield
    finally:
        _deferring = False
    check()


@contextmanager
def raised() -> Iterator[None]:
    """Make the signals raise Interrupted inside the block; those ignored before (nohup) stay ignored."""
    for number in SIGNALS:
        if (before := signal.getsignal(number)) is not signal.SIG_IGN:
            _previous_handlers[number] = before
            signal.signal(number, _interrupt)
    try:
        yield
    finally:
        while _previous_handlers:
            signal.signal(*_previous_handlers.popitem())
        _received.clear()
