"""Declare workload classes, and derive routes, limits and the command of a worker from them."""

import os
import sys
from dataclasses import dataclass
from typing import Literal, overload

from celery import Task
from django.conf import settings


@dataclass(frozen=True, kw_only=True)
class Workload:
    """Declare a class of work that has a queue and a worker process of its own.

    concurrency: jobs that one worker runs at the same time.
    prefetch: messages that a worker holds for each of them. Use 1 where jobs are long.
    soft_limit, hard_limit: seconds that a job may take.
    kind: RabbitMQ only. "quorum", the default there, is replicated. "priority" lets `apply_async(priority=9)` overtake.
        It is a classic queue, because quorum queues do not have such priorities. "ordered" has one consumer at a time,
        which gets messages in the order of publishing. A retry goes to the end.
    """

    concurrency: int
    prefetch: int
    soft_limit: int
    hard_limit: int
    kind: Literal["quorum", "priority", "ordered"] | None = None

    def __post_init__(self) -> None:
        if not 0 < self.soft_limit < self.hard_limit:
            raise ValueError(f"soft_limit {self.soft_limit} must be positive and below hard_limit {self.hard_limit}")
        if self.concurrency < 1 or self.prefetch < 1:
            raise ValueError("concurrency and prefetch are at least 1")
        if self.kind == "ordered" and (self.concurrency, self.prefetch) != (1, 1):
            raise ValueError("an ordered workload needs concurrency=1 and prefetch=1: two jobs at once have no order")


def routes(classes: dict[str, str]) -> dict[str, dict[str, str]]:
    """Return Celery's `task_routes` from a table of task name to workload class."""
    # No routing key: each queue has its own, and one here would win over a caller's `apply_async(queue=...)`.
    return {task: {"queue": workload} for task, workload in classes.items()}


class LimitsOfSettings:
    """Give tasks the limits of their classes, which Django's settings declare."""

    def __init__(self, classes: dict[str, str]) -> None:
        self.classes = classes

    def annotate(self, task: Task) -> dict[str, int] | None:
        """Return the limits of a task, or None if it has no class."""
        return task_limits(self.classes, settings.WORKLOADS).get(task.name)


@overload
def task_limits(classes: dict[str, str], workloads: dict[str, Workload]) -> dict[str, dict[str, int]]: ...


@overload
def task_limits(classes: dict[str, str]) -> LimitsOfSettings: ...


def task_limits(
    classes: dict[str, str], workloads: dict[str, Workload] | None = None
) -> dict[str, dict[str, int]] | LimitsOfSettings:
    """Return Celery's `task_annotations`: each task gets the limits of its class, whichever worker runs it.

    Without `workloads`, an annotation that reads WORKLOADS in Django's settings when a task is first used. It is for a
    Celery app that is configured outside of them: `app.conf.task_annotations = [task_limits(ROUTES)]`.
    """
    if workloads is None:
        return LimitsOfSettings(classes)
    return {
        task: {"soft_time_limit": workloads[name].soft_limit, "time_limit": workloads[name].hard_limit}
        for task, name in classes.items()
        if name in workloads  # a typo is for `manage.py check` to report
    }


def worker_command(app: str, name: str, workload: Workload) -> list[str]:
    """Return the plain Celery command that runs one class.

    The node name holds the process id: two workers of a class may share a machine, and a broker refuses a second
    consumer of the same name. Gossip and mingle are chatter between workers that nothing here needs. The heartbeat
    stays, though nobody may listen: a worker that waits notices by the attempt to send it that Redis is gone.
    """
    return [
        *(sys.executable, "-m", "celery", "-A", app, "worker"),
        *("-Q", name, "-n", f"{name}-{os.getpid()}@%h"),
        *("--concurrency", str(workload.concurrency), "--prefetch-multiplier", str(workload.prefetch)),
        *("--loglevel", "INFO", "--without-gossip", "--without-mingle"),
    ]
