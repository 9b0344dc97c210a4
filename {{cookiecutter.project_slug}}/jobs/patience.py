"""How long to wait before a job counts as lost, derived from the limits of its queue."""

from datetime import timedelta

from django.conf import settings

GRACE = 5  # seconds after a hard limit until a run counts as dead
LONGEST = 60  # seconds that a published job may wait at first, however long its queue's limit is
DOUBLINGS = 6


def until_published_again(queue: str, publications: int) -> timedelta:
    """How long a published job may wait for a worker before it is published once more.

    It doubles each time that no worker had it: behind a long queue, copies, which end quietly, must not make the
    queue longer and longer.
    """
    return timedelta(seconds=min(hard_limit(queue), LONGEST) * 2 ** min(publications, DOUBLINGS))


def until_run_is_dead(queue: str) -> timedelta:
    """How long a run in this queue can take: then the hard limit has ended it, or its process is gone."""
    return timedelta(seconds=hard_limit(queue) + GRACE)


def hard_limit(queue: str) -> int:
    """Seconds after which a run in this queue is ended."""
    workload = settings.WORKLOADS.get(queue)
    return workload.hard_limit if workload else settings.CELERY_TASK_TIME_LIMIT
