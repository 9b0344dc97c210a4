"""The names that each log line of a piece of work carries: structlog's context, or a plain one without structlog."""

from typing import Any

try:
    from structlog.contextvars import bind_contextvars, bound_contextvars, clear_contextvars, get_contextvars
except ImportError:
    from collections.abc import Iterator
    from contextlib import contextmanager
    from contextvars import ContextVar

    _bound: ContextVar[dict[str, Any]] = ContextVar("djcelery_jobs_bound")

    def get_contextvars() -> dict[str, Any]:
        """Return a copy of what is bound here."""
        return dict(_bound.get({}))

    def bind_contextvars(**names: Any) -> None:
        """Bind these names, beside those that are bound already."""
        _bound.set(get_contextvars() | names)

    def clear_contextvars() -> None:
        """Bind nothing any more."""
        _bound.set({})

    @contextmanager
    def bound_contextvars(**names: Any) -> Iterator[None]:
        """Bind these names in the block."""
        token = _bound.set(get_contextvars() | names)
        try:
            yield
        finally:
            _bound.reset(token)


__all__ = ["bind_contextvars", "bound_contextvars", "clear_contextvars", "get_contextvars"]
