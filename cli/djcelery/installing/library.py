"""Bring the library into a project: as a folder beside its packages, or as a dependency once it is released."""

from __future__ import annotations

import hashlib
import json

from djcelery import template
from djcelery.editing import NotEditable
from djcelery.editing.dependencies import CELERY, OLDEST_CELERY, oldest_allowed, with_requirement
from djcelery.plan import Plan, Snippet
from djcelery.project.installation import LIBRARY, Installation
from djcelery.requirements import package_name

RECORD = ".djcelery.toml"
HEAD = """# How djcelery was brought into this project. The hashes tell whether a file of the library was edited.
version = {version}

[init]
settings = {settings}

[files]
"""


def add_library(plan: Plan, installation: Installation) -> bool:
    """Plan to add the library, and what it requires, to the project. Return whether it becomes a folder."""
    values = template.private_values()
    version = str(values["_djcelery_version"])
    if values["_released"]:
        _require(plan, installation, f"djcelery-jobs[redis]{template.library_versions()}")
        return False
    root = f"{installation.import_root}/" if installation.import_root else ""
    files = template.library_files()
    for name, data in files.items():
        if not plan.exists(f"{root}{LIBRARY}/{name}"):
            plan.create(f"{root}{LIBRARY}/{name}", data)
    plan.folded += [f"{root}{LIBRARY}", f"{root}{RECORD}"]
    hashes = {f"{LIBRARY}/{name}": hashlib.sha256(data).hexdigest() for name, data in files.items()}
    lines = "".join(f'"{path}" = "{digest}"\n' for path, digest in sorted(hashes.items()))
    head = HEAD.format(version=json.dumps(version), settings=json.dumps(installation.settings_name))
    if not plan.exists(f"{root}{RECORD}"):
        plan.create(f"{root}{RECORD}", (head + lines).encode(), "records the version of the library")
    _require(plan, installation, CELERY)
    return True


def _require(plan: Plan, installation: Installation, requirement: str) -> None:
    """Plan to list a requirement, or to raise the bound of the one that the project has."""
    file = installation.dependencies
    if file is None:
        reason = "no file lists what the project depends on"
        plan.snippets.append(Snippet("requirements.txt", 0, f"{requirement}\n", reason))
        return
    known = file.of(requirement)
    if known is not None and oldest_allowed(known.spec) >= OLDEST_CELERY:
        return
    try:
        data = with_requirement(plan.read(file.path), file, requirement, is_known=known is not None)
    except (NotEditable, OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "reason", str(error))
        plan.snippets.append(Snippet(file.path, 0, f"{requirement}\n", reason))
        return
    lock = f"; then run: {file.lock}" if file.lock else ""
    verb = "asks for the Celery that the library is tried with" if known else f"lists {package_name(requirement)}"
    plan.write(file.path, data, f"{verb}{lock}")
