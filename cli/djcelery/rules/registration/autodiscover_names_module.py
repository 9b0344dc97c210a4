"""`autodiscover_tasks` is passed a tasks module instead of its package.

Why: It expects packages and appends `.tasks` itself. Given "shop.tasks", it looks for shop.tasks.tasks, and silently
finds nothing.

Bad:
    # project/celery.py
    from celery import Celery

    app = Celery("project")
    app.autodiscover_tasks(["shop.tasks"])

Good:
    # project/celery.py
    from celery import Celery

    app = Celery("project")
    app.autodiscover_tasks(["shop"])

Evidence: F30, F31; celery issue 3697.

Ignore it when: there is a package of that name with a module named tasks in it.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project import context
from djcelery.rules._base import Finding, Project, at

CODE = "DJC310"
SEVERITY = "error"
NEEDS_APP = True


def find(project: Project) -> Iterator[Finding]:
    """Yield literal package names that end in .tasks."""
    for module in project.modules:
        for call in module.calls_to("autodiscover_tasks"):
            if not call.value.items or context.is_test(module.path):
                continue
            related = call.value.keywords.get("related_name")
            if related is not None or len(call.value.items) > 1:
                continue
            for item in call.value.items[0].resolved.items:
                name = item.const if isinstance(item.const, str) else ""
                if name.endswith(".tasks") and project.layout.path(f"{name}.tasks") is None:
                    yield at(module, item, f"this looks for {name}.tasks; pass {name.removesuffix('.tasks')} instead")
