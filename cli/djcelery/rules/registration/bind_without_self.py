"""`bind=True` does not match the first parameter.

Why: A bound task gets itself as its first argument, so all other arguments move by one. Without `bind`, nothing is
passed for `self`.

Bad:
    from celery import shared_task

    @shared_task
    def index(self, pk): ...

Good:
    from celery import shared_task

    @shared_task(bind=True)
    def index(self, pk): ...

Evidence: F34; pylint-celery issue 11.

Ignore it when: a decorator in between supplies the argument.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at

CODE = "DJC306"
SEVERITY = "error"


def find(project: Project) -> Iterator[Finding]:
    """Yield functions right below a task decorator whose options are all known."""
    for task in project.own_tasks:
        function = task.function
        if function is None or task.has_hidden_options or task.is_method or not task.is_declared_directly:
            continue
        if task.decorator is not function.decorators[-1]:
            continue
        bind = task.options.get("bind")
        first = function.params[0] if function.params else None
        if bind is not None and bind.const is True:
            if first is None or first.kind not in {"pos", "vararg"}:
                yield at(task.module, task, f"{function.name} is bound but has no parameter for the task itself")
        elif bind is None and first is not None and first.name == "self" and first.default is None:
            yield at(task.module, task, f"{function.name} has a parameter self but is not bound; add bind=True")
