"""Join the migrations of both sides where an update would leave an app with two leaves."""

from __future__ import annotations

import ast
import re
from pathlib import PurePosixPath

from djcelery.plan import Plan

NUMBER = re.compile(r"(\d{4})_")
TEMPLATE = """from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
{dependencies}    ]

    operations = []
"""


def plan_joins(plan: Plan, version: str) -> list[str]:
    """Plan a migration that depends on all leaves, in each app that has got several. Return their paths."""
    created = [path for path in plan.changed if plan.before[path] is None and plan.after[path] is not None]
    folders = {PurePosixPath(path).parent for path in created if PurePosixPath(path).parent.name == "migrations"}
    joins = []
    for folder in sorted(folders):
        names = _names(plan, folder)
        leaves = _leaves(plan, folder, names)
        if len(leaves) > 1:
            number = max(int(match[1]) for name in names if (match := NUMBER.match(name))) + 1
            path = f"{folder}/{number:04}_merge_djcelery_{re.sub(r'[^0-9a-z]', '_', version)}.py"
            lines = "".join(f'        ("{folder.parent.name}", "{name}"),\n' for name in leaves)
            plan.create(path, TEMPLATE.format(dependencies=lines).encode(), "joins your migrations and the template's")
            joins.append(path)
    return joins


def _names(plan: Plan, folder: PurePosixPath) -> list[str]:
    on_disk = {path.relative_to(plan.root).as_posix() for path in (plan.root / folder).glob("*.py")}
    planned = {path for path in plan.after if PurePosixPath(path).parent == folder and path.endswith(".py")}
    return sorted(PurePosixPath(path).stem for path in on_disk | planned
                  if plan.exists(path) and NUMBER.match(PurePosixPath(path).name))  # fmt: skip


def _leaves(plan: Plan, folder: PurePosixPath, names: list[str]) -> list[str]:
    """Return the migrations of an app that no other one of it depends on."""
    followed: set[str] = set()
    for name in names:
        try:
            tree = ast.parse(plan.read(f"{folder}/{name}.py"))
        except (SyntaxError, ValueError):  # conflict markers: somebody has to look at it anyway
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in {"dependencies", "replaces"}:
                strings = [item.value for item in ast.walk(node.value) if isinstance(item, ast.Constant)]
                followed |= {str(value) for value in strings} - {name}
    return [name for name in names if name not in followed]
