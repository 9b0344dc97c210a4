"""More than one Beat is started.

Why: Each Beat sends every entry. With two of them, every periodic task runs twice.

Bad:
    # compose.yaml
    services:
      beat:
        command: celery -A project beat
        deploy:
          replicas: 2

Good:
    # compose.yaml
    services:
      beat:
        command: celery -A project beat
        deploy:
          replicas: 1

Evidence: B2, F62; celery issue 2856; measured: 1.9 to 2.0 runs per slot with two, 1.0 with a lock.

Ignore it when: the scheduler holds a lock, as RedBeat does.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, on

CODE = "DJC605"
SEVERITY = "error"
LOCKED = ("redbeat", "lock", "single")


def find(project: Project) -> Iterator[Finding]:
    """Yield replicated Beats, and second ones in a file, unless the scheduler takes a lock."""
    if any(
        takes_lock(str(project.text(setting.module, setting.value) or ""))
        for setting in project.settings_of("beat_scheduler")
    ):
        return
    seen: dict[str, str] = {}
    for process in project.processes:
        if process.role != "beat" or not process.is_celery_command:
            continue
        scheduler = process.option("-S", "--scheduler") or ""
        if takes_lock(scheduler):
            continue
        most = max((scaling.max_replicas for scaling in project.scalings if scaling.target == process.name), default=0)
        if most > 1 and process.source == "kubernetes":
            yield on(
                process.path,
                process.line,
                f"{process.name} scales up to {most} Beats, and each of them sends every entry",
            )
        elif process.replicas == 1 and process.surges:
            message = "each deployment starts the new Beat before the old one ends; use strategy Recreate"
            yield on(process.path, process.line, message, "hint")
        if process.replicas > 1:
            yield on(
                process.path,
                process.line,
                f"{process.replicas} Beats are started, so every entry runs {process.replicas} times",
            )
        elif (
            process.path in seen
            and process.source != "kubernetes"
            and not same_service(process.name, seen[process.path])
        ):
            yield on(
                process.path,
                process.line,
                f"a second Beat besides {seen[process.path]}, so every entry runs twice",
                "warning",
            )
        seen.setdefault(process.path, process.name)


def takes_lock(scheduler: str) -> bool:
    return any(word in scheduler.lower() for word in LOCKED)


def same_service(name: str, other_name: str) -> bool:
    """Return whether two services are the same one for different environments."""
    return any(word in name + other_name for word in ("dev", "prod", "test", "local"))
