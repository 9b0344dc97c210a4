"""An option about retries has no effect.

Why: `retry_backoff`, `retry_backoff_max` and `retry_jitter` only shape the automatic retries of `autoretry_for`:
`self.retry()` waits for `default_retry_delay`. `retry_backoff_max`, 600 s by default, caps every delay.

Bad:
    from celery import shared_task

    @shared_task(bind=True, retry_backoff=2, max_retries=5)
    def index(self, pk):
        try:
            work(pk)
        except OSError as exc:
            raise self.retry(exc=exc)

Good:
    from celery import shared_task

    @shared_task(autoretry_for=(OSError,), retry_backoff=2, max_retries=5)
    def index(pk):
        work(pk)

Evidence: R1, F39; `celery/app/autoretry.py` of 5.7.

Ignore it when: your own base class reads the option.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, Task, at
from djcelery.rules._bases import has_unknown_base, inherits_option

CODE = "DJC415"
SEVERITY = "warning"
AUTOMATIC = ("retry_backoff", "retry_backoff_max", "retry_jitter", "retry_kwargs", "dont_autoretry_for")
LONGEST = 600.0  # seconds, where retry_backoff_max does not say otherwise


def find(project: Project) -> Iterator[Finding]:
    """Yield options of automatic retries without autoretry_for, and a first delay above the longest one."""
    for task in project.own_tasks:
        if task.has_hidden_options or has_unknown_base(project, task) or task.declared_by == "wrapper":
            continue
        if "autoretry_for" not in task.options and not inherits_option(project, task, "autoretry_for"):
            yield from without_autoretry(task)
        yield from above_the_longest(project, task)


def without_autoretry(task: Task) -> Iterator[Finding]:
    """Yield the first option that only automatic retries read."""
    option = next((option for option in AUTOMATIC if option in task.options), None)
    if option is not None and task.options[option].const is not False:
        yield at(task.module, task.options[option], f"{option} has no effect without autoretry_for")


def above_the_longest(project: Project, task: Task) -> Iterator[Finding]:
    """Yield a backoff whose first delay is already cut."""
    value = task.options.get("retry_backoff")
    factor = project.number(task.module, value)
    longest = LONGEST
    if "retry_backoff_max" in task.options or inherits_option(project, task, "retry_backoff_max"):
        longest = project.number(task.module, task.options.get("retry_backoff_max")) or float("inf")
    if value is not None and factor is not None and factor > longest:
        yield at(task.module, value, f"each delay is cut to retry_backoff_max, {longest:g} s")
