"""Results are stored, but nothing reads them.

Why: Each task writes a result that nobody reads. In a measurement, a stored result made a task cost 1.7
times as much. The store grows until its entries expire.

Bad:
    # project/settings.py
    import sentry_sdk

    INSTALLED_APPS = ["shop"]
    CELERY_BROKER_URL = "redis://localhost"
    CELERY_TASK_TIME_LIMIT = 60
    CELERY_RESULT_BACKEND = "redis://localhost"

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def price(pk): ...

Good:
    # project/settings.py
    import sentry_sdk

    INSTALLED_APPS = ["shop"]
    CELERY_BROKER_URL = "redis://localhost"
    CELERY_TASK_TIME_LIMIT = 60

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def price(pk): ...

Evidence: S3, F80; measured on Celery 5.7.

Ignore it when: people read them in the admin or in Flower.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at

CODE = "DJC712"
SEVERITY = "hint"
NEEDS_APP = True
READS = frozenset({"AsyncResult", "GroupResult", "ResultSet", "TaskResult", "chord", "allow_join_result"})


def find(project: Project) -> Iterator[Finding]:
    """Yield a backend if no file contains anything that reads results."""
    if not project.has_complete_settings or read_anywhere(project):
        return
    for setting in project.settings_of("result_backend"):
        value = setting.value
        off = value.kind == "const" and (value.const is None or str(value.const).startswith("disabled"))
        ignored = project.is_on("task_ignore_result")
        if not off and not ignored:
            yield at(setting.module, setting, "results are stored, but nothing in this code reads one")


def read_anywhere(project: Project) -> bool:
    """Return whether anything imports a reader of results or uses more of a dispatch than its id."""
    for module in [*project.modules, *project.extra_modules]:
        if any(name.rpartition(".")[2] in READS for name in module.imported):
            return True
        if module.calls_to(*READS):
            return True
    return any(
        use.startswith("attr:") and use not in {"attr:id", "attr:task_id"}
        for site in project.sites
        for use in site.call.uses
    )
