"""A secret is passed to a task.

Why: Arguments are in the broker in clear text. They also appear in the worker's log, in Flower, in error reports and
in stored results.

Bad:
    from celery import shared_task

    @shared_task
    def invite(pk, password): ...

    def place(user, password):
        invite.delay(user.pk, password)

Good:
    from celery import shared_task

    @shared_task
    def invite(pk): ...

    def place(user, password):
        invite.delay(user.pk)

Evidence: F23; Celery's guide to tasks, "Hiding sensitive information in arguments".

Ignore it when: the value is encrypted, or is not a secret despite its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at

CODE = "DJC209"
SEVERITY = "hint"
SECRET = re.compile(
    r"(^|_)(password|passwd|secret|secret_key|api_key|apikey|access_token|private_key|credit_card|ssn|pin_code)$"
)


def find(project: Project) -> Iterator[Finding]:
    """Yield tasks with a parameter that is named like a secret."""
    for task in project.own_tasks_of_any_kind:
        for param in task.function.params if task.function else []:
            if SECRET.search(param.name.lower()):
                yield at(task.module, task, f"{param.name} will be in the broker and in logs in clear text")
