"""Move the bounds of what a project depends on that `djcelery init` changed: no answers say what its file is like."""

from __future__ import annotations

from pathlib import Path

from djcelery import template
from djcelery.editing import NotEditable
from djcelery.editing.dependencies import CELERY, OLDEST_CELERY, oldest_allowed, with_requirement
from djcelery.plan import Plan, Snippet
from djcelery.project.dependency_files import DependencyFile, dependency_file
from djcelery.project.entry_points import manage_files
from djcelery.project.files import Tree

PACKAGE = "djcelery-jobs"


def find_file(root: Path) -> DependencyFile | None:
    """Return the file that lists what the project in `root` depends on."""
    tree = Tree(str(root))
    tree.scan()
    folders = [path.rpartition("/")[0] for path in manage_files(tree)]
    return dependency_file(tree, folders[0] if folders else "")


def installed_version(file: DependencyFile | None) -> str | None:
    """Return the oldest version of the library that a file allows, or None if it does not list the library."""
    known = file.of(PACKAGE) if file else None
    return ".".join(map(str, oldest_allowed(known.spec))) if known else None


def plan_library_bound(root: Path, file: DependencyFile) -> Plan:
    """Plan the bounds of the library that belong to this command."""
    plan = Plan(root)
    _move(plan, file, f"{PACKAGE}{template.library_versions()}")
    return plan


def plan_celery_bound(plan: Plan) -> str:
    """Plan the bound of Celery that the vendored library is tried with. Return a note if no file has one to move."""
    file = find_file(plan.root)
    known = file.of("celery") if file else None
    if file is None or known is None:
        return f"The library is tried with {CELERY}, and no file here lists Celery."
    if oldest_allowed(known.spec) < OLDEST_CELERY:
        _move(plan, file, CELERY)
    return ""


def _move(plan: Plan, file: DependencyFile, requirement: str) -> None:
    try:
        data = with_requirement(plan.read(file.path), file, requirement, is_known=True)
    except (NotEditable, OSError, UnicodeDecodeError) as error:
        plan.snippets.append(Snippet(file.path, 0, f"{requirement}\n", getattr(error, "reason", str(error))))
        return
    lock = f"; then run: {file.lock}" if file.lock else ""
    if data != plan.read(file.path):
        plan.write(file.path, data, f"moves the bounds of {requirement.partition('>')[0]}{lock}")
