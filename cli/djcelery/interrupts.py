"""Ctrl-C, SIGTERM and SIGHUP: one exception, raised at most once, so that cleaning up is never cut short."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

_handled: dict[int, Any] = {}
_received: list[int] = []
_holding = False


class Interrupted(BaseException):
    """Somebody wants this process to stop. Exit code 128 + the number of the signal."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.exit_code = 128 + signum


def _interrupt(signum: int, _frame: FrameType | None) -> None:
    ignore()
    _received.append(signum)
    if not _holding:
        raise Interrupted(signum)


def ignore() -> None:
    """From now on let no signal cut short what runs."""
    for number in _handled:
        signal.signal(number, signal.SIG_IGN)


def check() -> None:
    """Raise Interrupted if a signal came whose exception got lost (raised inside a finaliser, Python drops it)."""
    if _received:
        raise Interrupted(_received[0])


@contextmanager
def held() -> Iterator[None]:
    """Inside the block a signal waits; at its end Interrupted is raised. For steps that must not be cut in two."""
    global _holding
    _holding = True
    try:
        yield
    finally:
        _holding = False
    check()


@contextmanager
def raised() -> Iterator[None]:
    """Inside the block the signals raise Interrupted; those that were ignored before (nohup) stay ignored."""
    for number in SIGNALS:
        if (before := signal.getsignal(number)) is not signal.SIG_IGN:
            _handled[number] = before
            signal.signal(number, _interrupt)
    try:
        yield
    finally:
        while _handled:
            signal.signal(*_handled.popitem())
        _received.clear()
