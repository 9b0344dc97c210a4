"""A durable task that is one transaction talks to another system.

Why: The transaction stays open, and its locks are held, until the other system answers. If the task then fails, its
rows are rolled back, but the request or the mail is not, and the retry sends it again.

Bad:
    import requests
    from celery import shared_task
    from djcelery_jobs import DurableTask

    @shared_task(base=DurableTask)
    def charge(pk):
        requests.post("https://pay.example", json={"order": pk}, timeout=10)

Good:
    import requests
    from celery import shared_task
    from djcelery_jobs import DurableTask

    @shared_task(base=DurableTask, one_transaction=False)
    def charge(pk):
        requests.post("https://pay.example", json={"order": pk}, timeout=10, headers={"Idempotency-Key": str(pk)})

Evidence: T2, X1; the README of djcelery-jobs, "one_transaction".

Ignore it when: the other system answers quickly, and receiving the call twice does no harm.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project import context
from djcelery.project.facts import Module
from djcelery.rules._base import Finding, Project, Task, Value, at
from djcelery.rules._outgoing import describe_outgoing

CODE = "DJC115"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Yield HTTP requests and mail in a durable task of one transaction, and in the functions that it calls."""
    for module, call, task in project.calls_in_tasks:
        if not task.is_one_transaction or context.after_commit(module, call.block):
            continue
        name = task.function.name if task.function else task.name
        if description := describe_outgoing(call.value) or outgoing_in_function(project, module, call.value):
            yield at(
                module, call.value, f"{name} is one transaction and sends {description}; set one_transaction=False"
            )


def outgoing_in_function(project: Project, module: Module, value: Value) -> str:
    """Say what a function of the code base sends when it is called, or return an empty text."""
    definition = project.find(module, value.name)
    if definition is None or definition.function is None or is_task(project, module, value.name):
        return ""
    home = project.whole(definition.module)
    body = next((f for f in home.functions if f.qualname == definition.function.qualname), None)
    if body is None:
        return ""
    calls = (call.value for call in home.calls if context.function_of(home, call.block) is body)
    return next((description for call in calls if (description := describe_outgoing(call))), "")


def is_task(project: Project, module: Module, name: str) -> Task | None:
    """Return the task of that name, whose own body is judged by itself."""
    return project.task_at(module, name)
