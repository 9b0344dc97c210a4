"""Compute how long to wait before a job counts as lost, from the limits of its queue."""

from datetime import timedelta

from celery import Task, current_app
from django.conf import settings

from djcelery_jobs.conf import jobs_settings


def republish_delay(queue: str, publications: int) -> timedelta:
    """Return how long a published job may wait for a worker before it is published once more.

    It doubles each time that no worker had it: behind a long queue, copies, which end quietly, must not make the
    queue longer and longer.
    """
    doublings = min(publications, jobs_settings.REPUBLISH_DOUBLINGS)
    return timedelta(seconds=min(hard_limit(queue), jobs_settings.REPUBLISH_AFTER) * 2**doublings)


def run_deadline(queue: str) -> timedelta:
    """Return how long a run in this queue can take: then the hard limit has ended it, or its process is gone."""
    return timedelta(seconds=hard_limit(queue) + jobs_settings.RUN_GRACE)


def limits_of(task: Task, queue: str) -> tuple[float, float]:
    """Return the soft and the hard limit of a job in this queue, in seconds: the task's own, or its workload class's.

    A task that declares none has those of Celery's settings, and they are not its own.
    """
    conf = current_app.conf
    hard = hard_limit(queue)
    soft = _own_limit(task.soft_time_limit, conf.task_soft_time_limit) or soft_limit(queue) or hard
    return soft, _own_limit(task.time_limit, conf.task_time_limit) or hard


def _own_limit(limit: float | None, of_all_tasks: float | None) -> float | None:
    return limit if limit != of_all_tasks else None


def soft_limit(queue: str) -> float | None:
    """Return the seconds after which a run in this queue is asked to end; None if it has no class and no setting."""
    workload = settings.WORKLOADS.get(queue)
    return workload.soft_limit if workload else current_app.conf.task_soft_time_limit


def hard_limit(queue: str) -> float:
    """Return the seconds after which a run in this queue is ended."""
    workload = settings.WORKLOADS.get(queue)
    if workload:
        return workload.hard_limit
    return current_app.conf.task_time_limit or max(workload.hard_limit for workload in settings.WORKLOADS.values())
