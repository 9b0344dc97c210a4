"""One worker consumes several queues.

Why: Queues separate work only if each of them has its own workers. In a measurement, a fast queue next to a
slow one waited 30 s with one worker and 10 ms with two.

Bad:
    # Procfile
    worker: celery -A project worker -Q fast,slow

Good:
    # Procfile
    fast: celery -A project worker -Q fast -n fast@%h
    slow: celery -A project worker -Q slow -n slow@%h

Evidence: C1; measured on Celery 5.7.

Ignore it when: the machine is small and nobody waits for the work.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, on

CODE = "DJC807"
SEVERITY = "hint"


def find(project: Project) -> Iterator[Finding]:
    """Yield workers that are started with more than one queue."""
    for process in project.processes:
        queues = process.queues if process.role == "worker" and process.is_celery_command else None
        if queues and len(queues) > 1:
            yield on(
                process.path,
                process.line,
                f"{process.name} consumes {' and '.join(queues)}; long work in one delays the others",
            )
