"""A worker runs Beat inside itself.

Why: `worker -B` is meant for development. A second worker of this kind starts a second Beat, and every entry runs
twice.

Bad:
    # Procfile
    worker: celery -A project worker -B

Good:
    # Procfile
    worker: celery -A project worker
    beat: celery -A project beat

Evidence: B2, F62; Celery's guide to workers; measured: 1.9 to 2.0 runs per slot with two.

Ignore it when: there will never be a second worker.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, OptionalSeverity, Project, on

CODE = "DJC604"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Yield workers that are started with -B."""
    for process in project.processes:
        if process.embeds_beat:
            severity: OptionalSeverity = "error" if process.replicas > 1 else ""
            yield on(process.path, process.line, f"{process.name} runs Beat inside each of its workers", severity)
