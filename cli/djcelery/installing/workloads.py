"""Describe today's queues as workload classes."""

from __future__ import annotations

from dataclasses import dataclass

from djcelery.project.installation import Installation

# Celery's own values, where a project sets none.
CONCURRENCY, PREFETCH = 4, 4
# Seconds. Long enough for most jobs that have no limit today, and short enough to wait for after a kill.
HARD_LIMIT = 600
RETRY_DELAY = 120  # seconds, the longest one of a job: it must fit into the visibility timeout, too
MARGIN = 60


@dataclass(frozen=True, slots=True)
class WorkloadClass:
    """Describe one line of WORKLOADS."""

    name: str
    concurrency: int
    prefetch: int
    soft_limit: int
    hard_limit: int

    @property
    def line(self) -> str:
        """Return the line without its comma."""
        return (
            f'"{self.name}": Workload(concurrency={self.concurrency}, prefetch={self.prefetch}, '
            f"soft_limit={self.soft_limit}, hard_limit={self.hard_limit})"
        )


def workloads_of_today(installation: Installation) -> list[WorkloadClass]:
    """Return a workload class for each queue, with what the settings and the command lines of its workers say."""
    celery = installation.celery
    soft, hard = _limits(installation)
    concurrency = int(celery.number("worker_concurrency") or 0)
    prefetch = int(celery.number("worker_prefetch_multiplier") or PREFETCH) or 1
    return [
        WorkloadClass(use.name, _of_workers(installation, use.name) or concurrency or CONCURRENCY, prefetch, soft, hard)
        for use in celery.queues
    ]


def _limits(installation: Installation) -> tuple[int, int]:
    celery = installation.celery
    hard = int(celery.number("task_time_limit") or 0)
    soft = int(celery.number("task_soft_time_limit") or 0)
    if not hard:
        hard = max(HARD_LIMIT, soft + MARGIN)
        if (timeout := _visibility_timeout(installation)) is not None:
            hard = max(2, min(hard, timeout - RETRY_DELAY - MARGIN))
    if not 0 < soft < hard:
        soft = max(1, hard - max(1, hard // 6))
    return soft, hard


def _visibility_timeout(installation: Installation) -> int | None:
    project = installation.project
    for setting in installation.celery.settings_of("broker_transport_options"):
        pairs = project.resolve(setting.module, setting.value).pairs()
        number = project.number(setting.module, pairs.get("visibility_timeout"))
        if number is not None:
            return int(number)
    return None


def _of_workers(installation: Installation, queue: str) -> int:
    """Return the concurrency on the command line of the workers of a queue; 0 where none says it."""
    default = installation.celery.default_queue
    for worker in [*installation.project.workers, *installation.project.script_workers]:
        option = worker.option("-c", "--concurrency")
        if option and option.isdecimal() and queue in (worker.queues or [default]):
            return int(option)
    return 0
