"""A request handler runs a task itself.

Why: `.apply()` and a plain call run the task in the web process: without a queue, retries or a time limit, while the
user waits.

Bad:
    # shop/jobs.py
    from celery import shared_task

    @shared_task
    def price(pk): ...

    # shop/views.py
    from shop.jobs import price

    def show(request, pk):
        price.apply(args=[pk])

Good:
    # shop/jobs.py
    from celery import shared_task

    @shared_task
    def price(pk): ...

    # shop/views.py
    from shop.jobs import price

    def show(request, pk):
        price.delay(pk)

Evidence: D2, F53.

Ignore it when: the work is short and its result is needed immediately.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project import context
from djcelery.project.facts import Call, Module
from djcelery.rules._base import Finding, Project, at

CODE = "DJC508"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Yield .apply() in views. A plain call is a hint."""
    for site in project.sites:
        if site.method != "apply" or site.task is None or site.function is None:
            continue
        if site.in_view:
            yield at(site.module, site.value, f"{site.display_name} runs in the web process here")
    for module in project.modules:
        if not context.is_test(module.path):
            paths = [path for path in module.call_positions if may_be_task(project, module, path)]
            for call in module.calls_of(paths):
                yield from called_directly(project, module, call)


def may_be_task(project: Project, module: Module, path: str) -> bool:
    """Return whether a task may be called by this path, as far as the path tells."""
    if "." in path:
        return "tasks" in path.rpartition(".")[0]
    return project.is_bound(module, path) or path in project.tasks_by_name


def called_directly(project: Project, module: Module, call: Call) -> Iterator[Finding]:
    """Yield a task that is called like a function in a view, unless tasks run inline there anyway."""
    function = context.function_of(module, call.block)
    if function is None:
        return
    eager = any("EAGER" in name for block in context.blocks_in_function(module, call.block) for name in block.names)
    if eager or not project.is_view(module, function):
        return
    task = project.task_at(module, call.value.name)
    if task is not None and task.function is not None and task.declared_by != "call":
        yield at(module, call.value, f"{task.function.name} runs in the web process here", severity="hint")
