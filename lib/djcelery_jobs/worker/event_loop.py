"""Leave out what kombu's event loop asks the system for without need.

At each of its turns, some four for each job, Celery asks the loop to no longer wait for each idle process to be written
to. kombu passes that on though it was not waiting for it: a system call, and an exception over its answer.
"""

from typing import Any

from kombu.asynchronous import Hub
from kombu.utils.compat import fileno


class EventLoop(Hub):
    """Run the worker's event loop. Celery takes the class from the connection, by the name `requires_hub`."""

    def remove_writer(self, fd: Any) -> None:
        """Wait no longer until something can be written there, if the loop does so at all."""
        if (number := fileno(fd)) in self.writers:
            super().remove_writer(number)
