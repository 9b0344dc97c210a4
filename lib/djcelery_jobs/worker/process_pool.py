"""What Celery's pool of processes does wrong when the broker comes back. Seen with Celery 5.7 and billiard 4.3.

Each of these ends processes without need, or the whole worker. What is looked at here is internal to Celery: where it
has changed, nothing happens.
"""

import select
from collections.abc import Generator
from typing import Any


def watch_all(pool: Any) -> None:
    """To be called before the event loop is made anew.

    When several processes end at one moment, Celery may take the end of one for that of the process which was started
    in its place, and watches that one no longer. The next event loop fails over it: "file descriptor is None", and the
    worker leaves. Without its mark the process is watched again.
    """
    for process in getattr(pool, "_pool", ()):
        if getattr(process, "_sentinel_poll", 0) is None:
            del process._sentinel_poll


def hear_all(pool: Any, hub: Any) -> None:
    """To be called when the event loop is about to begin.

    It stood still while there was no broker, and looks at the clock first: of a job that ended in the meantime it would
    say that its time is up, call it failed, and signal that to a process which has nothing to do and dies of it.
    """
    if not hasattr(pool, "_fileno_to_outq"):  # no pool of processes, or none that an event loop drives
        return
    poller = select.poll()
    for descriptor in pool._fileno_to_outq:
        poller.register(descriptor, select.POLLIN)
    while events := poller.poll(0):
        for descriptor, event in events:
            if event & select.POLLIN and descriptor in hub.readers:
                _call(*hub.readers[descriptor])
            else:  # its process is gone
                poller.unregister(descriptor)
    pool.maintain_pool()


def _call(reader: Any, arguments: tuple[Any, ...]) -> None:
    """As the event loop does. A generator is in the middle of a message."""
    if isinstance(reader, Generator):
        next(reader, None)
    else:
        reader(*arguments)
