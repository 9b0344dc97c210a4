"""Know which messages a worker's processes are running, so that the transport does not return those to their queue."""

from collections.abc import Callable, Collection

_source: Callable[[], Collection[str]] = tuple


def tags() -> Collection[str]:
    """Return the delivery tags of messages whose runs go on while the connection to the broker is lost."""
    return _source()


def set_source(source: Callable[[], Collection[str]]) -> None:
    """Let a worker say which messages it runs. Without a worker there are none."""
    global _source
    _source = source
