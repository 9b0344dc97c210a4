"""Repair what Celery's pool of processes gets wrong. Seen with Celery 5.7 and billiard 4.3.

When the broker comes back, it ends processes without need, or the whole worker. And it may be late in replacing a
process that has ended. The attributes that are read here are private
(see compat.py): where they have changed, nothing happens.
"""

import select
from collections.abc import Generator
from typing import Any

LOOKS = (0.02, 0.05, 0.1, 0.2, 0.5, 1)  # seconds after Celery has looked for processes that have ended


def replace_ended_processes(pool: Any, hub: Any) -> None:
    """Let each look for processes that have ended be followed by others. Call it when the event loop is about to begin.

    A process tells its end by closing a pipe, a moment before the system lets its parent know. Celery looks at that
    moment, mostly finds it alive, and looks again after 5 seconds. So long there was a process too few, each time that
    one had run CELERY_WORKER_MAX_TASKS_PER_CHILD jobs.
    """
    if not hasattr(pool, "_fileno_to_outq"):
        return
    look = type(pool).maintain_pool.__get__(pool)  # Celery's own, also when an earlier event loop had ours

    def look_again() -> None:
        look()
        for seconds in LOOKS:
            hub.call_later(seconds, look)

    pool.maintain_pool = look_again


def rewatch_lost_processes(pool: Any) -> None:
    """Let the event loop watch every process again. Call it before the loop is built anew.

    When several processes end at one moment, Celery may mistake the end of one for that of the process which was
    started in its place, and stops watching the new one. The next event loop fails over it ("file descriptor is None")
    and the worker exits. Without its mark the process is watched again.
    """
    for process in getattr(pool, "_pool", ()):
        if getattr(process, "_sentinel_poll", 0) is None:
            del process._sentinel_poll


def drain_finished_results(pool: Any, hub: Any) -> None:
    """Read the results that wait in the pipes of the processes. Call it when the event loop is about to begin.

    The loop stood still while there was no broker, and it checks the time limits first. It would call a job that ended
    in the meantime timed out, and signal its process, which dies of that although it is idle.
    """
    if not hasattr(pool, "_fileno_to_outq"):  # no pool of processes, or one that no event loop drives
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
    """Call a reader as the event loop does. A generator is in the middle of a message."""
    if isinstance(reader, Generator):
        next(reader, None)
    else:
        reader(*arguments)
