"""A module with tasks is imported under two names.

Why: Celery names a task after its module. If the module is imported as `shop.tasks` and as `app.shop.tasks`, each
task is registered twice, and a task that is sent under one name may reach a worker that knows only the other.

Bad:
    # app/manage.py
    import os

    # app/shop/__init__.py

    # app/shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk): ...

    # app/project/settings.py
    INSTALLED_APPS = ["shop"]

    # app/orders/__init__.py

    # app/orders/views.py
    from app.shop.tasks import index

    def place(request):
        index.delay_on_commit(1)

Good:
    # app/manage.py
    import os

    # app/shop/__init__.py

    # app/shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk): ...

    # app/project/settings.py
    INSTALLED_APPS = ["shop"]

    # app/orders/__init__.py

    # app/orders/views.py
    from shop.tasks import index

    def place(request):
        index.delay_on_commit(1)

Evidence: F33; Celery's guide to tasks, "Automatic naming and relative imports".

Ignore it when: every task in the module has an explicit name.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project import context
from djcelery.project.facts import Module
from djcelery.project.running import Running
from djcelery.rules._base import Finding, Project, Task, at
from djcelery.rules._running import at_task

CODE = "DJC315"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Yield the first task of each module of an installed app that is also imported by another name."""
    seen: set[str] = set()
    imports = imports_of_tasks(project)
    for task in project.own_tasks:
        if task.has_explicit_name or task.module.path in seen:
            continue
        seen.add(task.module.path)
        name = installed_as(project, task)
        other_name = name and next(imported_as(project, imports, task.module, name), "")
        if other_name:
            yield at(
                task.module, task, f"this module is imported as {name} and as {other_name}, so its tasks have two names"
            )


def find_at_runtime(project: Project, running: Running) -> Iterator[Finding]:
    """Yield each function that is registered under the names of two modules."""
    first: dict[tuple[str, int], str] = {}
    for task in running.own_tasks:
        other_name = first.setdefault((task.path, task.line), task.name)
        if other_name.rpartition(".")[0] != task.name.rpartition(".")[0] and same_end(other_name, task.name):
            yield at_task(project, task, "", f"this task is registered as {other_name} and as {task.name}", "error")


def same_end(name: str, other_name: str) -> bool:
    """Return whether two dotted names are of one function: the longer ends with the shorter."""
    short, long = sorted((name, other_name), key=len)
    return long.endswith(f".{short}")


def installed_as(project: Project, task: Task) -> str:
    """Return the name by which autodiscovery imports the module, or an empty text if it does not."""
    name = task.module.name
    app, _, last = name.rpartition(".")
    return name if last == "tasks" and app in project.installed_apps else ""


def imports_of_tasks(project: Project) -> list[tuple[str, str]]:
    """Return, for each import of a module called `tasks`, the package that imports it and the dotted name."""
    return [
        (importer.name.partition(".")[0], dotted)
        for importer in project.modules
        if not context.is_test(importer.path)
        for imported in importer.imported
        if "tasks" in imported
        for dotted in (imported, imported.rpartition(".")[0])
        if dotted.endswith(".tasks")
    ]


def imported_as(project: Project, imports: list[tuple[str, str]], module: Module, name: str) -> Iterator[str]:
    """Yield other names by which modules elsewhere import this one.

    imports: of modules called `tasks`, as this one is.
    """
    for package, dotted in imports:
        if (
            package != name.partition(".")[0]
            and dotted.endswith(f".{name}")
            and project.layout.path(dotted) == module.path
        ):
            yield dotted
