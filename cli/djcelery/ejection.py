"""Turn the library from a dependency of a project into a folder of it, and back, without touching the team's code.

Only the dependency lines of `pyproject.toml` and the record `.djcelery.toml` change. The two directions are exact
inverses: the requirement that a folder replaces is kept in a comment above the folder's own requirements.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from djcelery import template
from djcelery.errors import CommandError
from djcelery.journal import Journal
from djcelery.plan import Plan
from djcelery.requirements import allows, package_name
from djcelery.template import LIBRARY
from djcelery.wording import counted

PYPROJECT = "pyproject.toml"
RECORD = ".djcelery.toml"
MAX_LISTED = 10

REQUIREMENT = re.compile(
    r'^(?P<indent>[ \t]*)"djcelery-jobs(?P<spec>(?:\[(?P<extras>[^]"]*)\])?(?P<versions>[^"]*))",[ \t]*\n', re.M
)
BLOCK = re.compile(
    r"^(?P<indent>[ \t]*)# djcelery_jobs(?P<spec>.*) is a folder of this project, and requires:\n"
    r"(?:.*\n)*?[ \t]*# The project itself requires:\n",
    re.M,
)
HEAD = "# djcelery_jobs{spec} is a folder of this project, and requires:"
FOOT = "# The project itself requires:"


def plan_ejection(root: Path) -> Plan:
    """Plan to make the library a folder of the project in `root`. Raise CommandError if that cannot be done."""
    plan = Plan(root)
    record = _read_record(plan)
    if (root / LIBRARY).exists():
        raise CommandError(f"{LIBRARY}/ exists already in {root}.", "To go back to the package: djcelery eject --undo")
    pyproject = _read_pyproject(plan)
    match = _find_requirement(pyproject)
    _refuse_other_version(match["versions"])
    files = {f"{LIBRARY}/{name}": data for name, data in template.library_files().items()}
    for path, data in files.items():
        plan.create(path, data)
    _replace_pyproject(plan, record, pyproject[: match.start()] + _block(match, pyproject) + pyproject[match.end() :])
    _write_record(plan, vendored=True, hashes=_hashes(record) | {path: _hash(data) for path, data in files.items()})
    return plan


def plan_undo(root: Path) -> Plan:
    """Plan to make the library a dependency of the project in `root`. Raise CommandError if that cannot be done."""
    values = template.private_values()
    if not values["_released"]:
        message = f"djcelery-jobs {values['_djcelery_version']} has not been released, so no project can depend on it."
        raise CommandError(message, "Use a released version of djcelery.")
    plan = Plan(root)
    record = _read_record(plan)
    if not (root / LIBRARY).is_dir():
        raise CommandError(f"There is no folder {LIBRARY} in {root}.", "To make one: djcelery eject")
    _refuse_edited(root, record)
    pyproject = _read_pyproject(plan)
    match = BLOCK.search(pyproject)
    if match is None:
        hint = f"Write the requirement djcelery-jobs into {PYPROJECT} and remove {LIBRARY}/ yourself."
        raise CommandError(f"{PYPROJECT} no longer says which requirement {LIBRARY}/ replaces.", hint)
    for path in _hashes(record):
        if path.startswith(f"{LIBRARY}/"):
            plan.delete(path)
    line = f'{match["indent"]}"djcelery-jobs{match["spec"]}",\n'
    _replace_pyproject(plan, record, pyproject[: match.start()] + line + pyproject[match.end() :])
    kept = {path: digest for path, digest in _hashes(record).items() if not path.startswith(f"{LIBRARY}/")}
    _write_record(plan, vendored=False, hashes=kept)
    return plan


def apply(plan: Plan, command: str) -> None:
    """Carry out a plan of this module, all of it or nothing. `command` is the command line to record."""
    Journal(plan.root).apply(plan, command)
    if not (plan.root / LIBRARY / "__init__.py").exists():
        shutil.rmtree(plan.root / LIBRARY, ignore_errors=True)  # nothing but caches is left in it


def describe(plan: Plan) -> str:
    """Return the diff of a plan, with one line for all the files of the library."""
    ours = [path for path in plan.changed if not path.startswith(f"{LIBRARY}/")]
    moved = [path for path in plan.changed if path.startswith(f"{LIBRARY}/")]
    verb = "removed" if plan.after[moved[0]] is None else "added"
    return f"{plan.diff(ours)}{LIBRARY}/: {counted(len(moved), 'file')} {verb}"


def _read_record(plan: Plan) -> dict[str, Any]:
    try:
        return tomllib.loads(plan.read(RECORD).decode("utf-8"))
    except FileNotFoundError:
        message = f"{plan.root} has no {RECORD}, so it is not a project that djcelery created."
        raise CommandError(message, "Name the folder of the project.") from None
    except ValueError as error:
        raise CommandError(f"{RECORD} is not valid TOML: {error}", "Restore it from your repository.") from None


def _read_pyproject(plan: Plan) -> str:
    try:
        text = plan.read(PYPROJECT).decode("utf-8")
        tomllib.loads(text)
    except FileNotFoundError:
        raise CommandError(f"{plan.root} has no {PYPROJECT}.", "Name the folder of the project.") from None
    except ValueError as error:
        raise CommandError(f"{PYPROJECT} is not valid TOML: {error}", "Correct it first.") from None
    return text


def _find_requirement(pyproject: str) -> re.Match[str]:
    """Return the one line that requires the library, in the project's dependencies."""
    matches = list(REQUIREMENT.finditer(pyproject))
    dependencies = tomllib.loads(pyproject).get("project", {}).get("dependencies", [])
    if len(matches) != 1 or f"djcelery-jobs{matches[0]['spec']}" not in dependencies:
        hint = 'Write it once, on a line of its own, for example "djcelery-jobs[redis]>=0.2,<0.3",'
        raise CommandError(f"{PYPROJECT} must require djcelery-jobs on one line of [project] dependencies.", hint)
    return matches[0]


def _hashes(record: Mapping[str, Any]) -> dict[str, str]:
    return dict(record.get("files", {}))


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _refuse_other_version(versions: str) -> None:
    ours = str(template.private_values()["_djcelery_version"])
    if not allows(versions, ours):
        message = f"The project requires djcelery-jobs{versions}, but this command has version {ours}."
        raise CommandError(message, "Use a version of djcelery that the project allows.")


def _block(match: re.Match[str], pyproject: str) -> str:
    """Return the lines that replace the requirement: what the library requires, between two comments."""
    extras = [extra.strip() for extra in (match["extras"] or "").split(",") if extra.strip()]
    requirements = [f'"{requirement}",' for requirement in _requirements_of_library(extras, _names_in(pyproject))]
    lines = [HEAD.format(spec=match["spec"]), *requirements, FOOT]
    return "".join(f"{match['indent']}{line}\n" for line in lines)


def _requirements_of_library(extras: Iterable[str], present: set[str]) -> list[str]:
    """Return what the library requires with these extras, sorted, except packages that the project names itself."""
    project = tomllib.loads((template.home() / "lib" / PYPROJECT).read_text(encoding="utf-8"))["project"]
    requirements = list(project["dependencies"])
    for extra in extras:
        if extra not in project["optional-dependencies"]:
            raise CommandError(f"djcelery-jobs has no extra {extra}.", f"Correct the requirement in {PYPROJECT}.")
        requirements += project["optional-dependencies"][extra]
    by_name = {
        package_name(requirement): requirement for requirement in requirements
    }  # an extra narrows what it repeats
    return [by_name[name] for name in sorted(by_name) if name not in present]


def _names_in(pyproject: str) -> set[str]:
    dependencies = tomllib.loads(pyproject).get("project", {}).get("dependencies", [])
    return {package_name(requirement) for requirement in dependencies}


def _refuse_edited(root: Path, record: Mapping[str, Any]) -> None:
    """Raise CommandError if a file of the folder is not what the record says."""
    expected = {path: digest for path, digest in _hashes(record).items() if path.startswith(f"{LIBRARY}/")}
    actual = {path: _hash((root / path).read_bytes()) for path in _paths_in(root)}
    differing = sorted(path for path in {*expected, *actual} if expected.get(path) != actual.get(path))
    if differing:
        listed = ", ".join(differing[:MAX_LISTED]) + (", ..." if len(differing) > MAX_LISTED else "")
        hint = "Restore these files from your repository, or keep the folder."
        raise CommandError(f"{LIBRARY}/ has been edited, and the edits would be lost: {listed}", hint)


def _paths_in(root: Path) -> list[str]:
    """Return the files of the folder, without caches."""
    paths = []
    for folder, folders, names in os.walk(root / LIBRARY):
        folders[:] = [name for name in folders if not name.endswith(("__pycache__", "_cache"))]
        paths += [Path(folder, name).relative_to(root).as_posix() for name in names]
    return paths


def _replace_pyproject(plan: Plan, record: dict[str, Any], text: str) -> None:
    """Plan new contents; a file that is still as it was recorded is so afterwards, too."""
    data = text.encode()
    if _hashes(record).get(PYPROJECT) == _hash(plan.read(PYPROJECT)):
        record["files"][PYPROJECT] = _hash(data)
    plan.write(PYPROJECT, data)


def _write_record(plan: Plan, *, vendored: bool, hashes: Mapping[str, str]) -> None:
    text = plan.read(RECORD).decode("utf-8")
    head = text.partition("\n[files]\n")[0]
    old, new = (f"vendor = {str(value).lower()}" for value in (not vendored, vendored))
    head = re.sub(rf"^{old}$", new, head, flags=re.M)
    lines = [f'"{path}" = "{digest}"\n' for path, digest in sorted(hashes.items())]
    plan.write(RECORD, "".join([head, "\n[files]\n", *lines]).encode())
