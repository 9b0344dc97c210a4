"""One worker consumes several queues.

Why: Queues separate work only if they have workers of their own: measured, a fast queue behind a slow one waited 30
s in one worker, 10 ms in two.

Bad:
    # Procfile
    worker: celery -A project worker -Q fast,slow

Good:
    # Procfile
    fast: celery -A project worker -Q fast -n fast@%h
    slow: celery -A project worker -Q slow -n slow@%h

Evidence: C1; measured on Celery 5.7.

Ignore it when: the machine is small and nobody waits.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, on

CODE = "DJC807"
SEVERITY = "hint"


def find(project: Project) -> Iterator[Finding]:
    """Workers started with more than one queue."""
    for process in project.processes:
        queues = process.queues if process.role == "worker" and process.plain else None
        if queues and len(queues) > 1:
            yield on(
                process.path,
                process.line,
                f"{process.name} takes {' and '.join(queues)}: long work in one blocks the other",
            )
