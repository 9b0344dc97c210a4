"""Two workers on one machine have the same name.

Why: They answer for each other in `inspect` and `control`. On RabbitMQ, the second one dies.

Bad:
    # Procfile
    fast: celery -A project worker -Q fast
    slow: celery -A project worker -Q slow

Good:
    # Procfile
    fast: celery -A project worker -Q fast -n fast@%h
    slow: celery -A project worker -Q slow -n slow@%h

Evidence: DuplicateNodenameWarning; ResourceLocked (405) measured on RabbitMQ.

Ignore it when: each process in the file runs on a machine of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, on

CODE = "DJC808"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Yield Celery workers of one Procfile that share a name, explicit or not."""
    seen: dict[tuple[str, str], str] = {}
    for process in project.processes:
        if process.source != "procfile" or process.role != "worker" or not process.is_celery_command:
            continue
        key = (process.path, process.option("-n", "--hostname") or "")
        if key in seen:
            yield on(
                process.path,
                process.line,
                f"{process.name} has the same node name as {seen[key]}; set another one with -n",
            )
        seen.setdefault(key, process.name)
