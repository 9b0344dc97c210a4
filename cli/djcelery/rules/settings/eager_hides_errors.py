"""Tasks run inline in tests, but their errors are hidden.

Why: Without task_eager_propagates, a failing task returns a result with state FAILURE, and the test passes.

Bad:
    # project/settings/test.py
    CELERY_TASK_ALWAYS_EAGER = True

Good:
    # project/settings/test.py
    CELERY_TASK_ALWAYS_EAGER = True
    CELERY_TASK_EAGER_PROPAGATES = True

Evidence: F70, reproduced on 5.7.

Ignore it when: the tests check the state of each result.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at

CODE = "DJC705"
SEVERITY = "hint"


def find(project: Project) -> Iterator[Finding]:
    """Yield task_always_eager if nothing sets task_eager_propagates."""
    if project.settings_of("task_eager_propagates", testing=True):
        return
    for setting in project.settings_of("task_always_eager", testing=True):
        if setting.value.const is True and setting.local:
            yield at(setting.module, setting, "without task_eager_propagates, a task that fails inline does not raise")
