"""Tasks run inline in tests and their errors are kept.

Why: Without task_eager_propagates a failing task gives back a result with state FAILURE, and the test passes.

Bad:
    # project/settings/test.py
    CELERY_TASK_ALWAYS_EAGER = True

Good:
    # project/settings/test.py
    CELERY_TASK_ALWAYS_EAGER = True
    CELERY_TASK_EAGER_PROPAGATES = True

Evidence: F70, reproduced on 5.7.

Ignore it when: the tests look at the state of each result.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at

CODE = "DJC705"
SEVERITY = "hint"


def find(project: Project) -> Iterator[Finding]:
    """always_eager on, and eager_propagates set nowhere."""
    if project.setting("task_eager_propagates", testing=True):
        return
    for setting in project.setting("task_always_eager", testing=True):
        if setting.value.const is True and setting.local:
            yield at(setting.module, setting, "a task that fails inline raises only with task_eager_propagates")
