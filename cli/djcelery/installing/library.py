"""Bring the library into a project: as a folder beside its packages, or as a dependency once it is released."""

from __future__ import annotations

import hashlib
import json
import re

from djcelery import template
from djcelery.editing import NotEditable
from djcelery.editing.text import append_lines, newline_of
from djcelery.editing.toml import append_to_array
from djcelery.plan import Plan, Snippet
from djcelery.project.dependency_files import DependencyFile
from djcelery.project.installation import LIBRARY, Installation
from djcelery.requirements import package_name

RECORD = ".djcelery.toml"
CELERY = "celery[redis]>=5.7,<5.8"  # what the library is tried with
OLDEST_CELERY = (5, 7)
CLAUSES = re.compile(r"(==|>=|<=|~=|>|<|\^|~)\s*([\d.]+)")
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
        major, minor = version.split(".")[:2]
        _require(plan, installation, f"djcelery-jobs[redis]>={version},<{major}.{int(minor) + 1}")
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
    if known is not None and _is_enough(known.spec):
        return
    try:
        data = _with_requirement(plan.read(file.path), file, requirement, is_known=known is not None)
    except (NotEditable, OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "reason", str(error))
        plan.snippets.append(Snippet(file.path, 0, f"{requirement}\n", reason))
        return
    lock = f"; then run: {file.lock}" if file.lock else ""
    verb = "asks for the Celery that the library is tried with" if known else f"lists {package_name(requirement)}"
    plan.write(file.path, data, f"{verb}{lock}")


def _is_enough(spec: str) -> bool:
    """Return whether a requirement alone leads to a Celery that the library is tried with."""
    lowest = [tuple(map(int, version.strip(".").split("."))) for operator, version in CLAUSES.findall(spec)
              if operator in {"==", ">=", "~=", ">", "^", "~"}]  # fmt: skip
    return any(version >= OLDEST_CELERY for version in lowest)


def _with_requirement(data: bytes, file: DependencyFile, requirement: str, *, is_known: bool) -> bytes:
    """Return the file with the requirement. Raise NotEditable where it is written in another way."""
    name, spec = package_name(requirement), requirement.partition("]")[2]
    if is_known:
        return _raised(data, file, name, spec)
    if file.kind == "pyproject":
        return append_to_array(data, ["project"], "dependencies", requirement)
    if file.kind in {"poetry", "pipenv"}:
        table = "tool.poetry.dependencies" if file.kind == "poetry" else "packages"
        line = f'{name} = {{version = "{spec}", extras = ["redis"]}}'
        return _in_table(data, table, line)
    if file.kind in {"requirements", "pip-tools"}:
        return append_lines(data, f"{requirement}\n")
    if file.kind == "setup.cfg":
        return _after_last(data, requirement)
    raise NotEditable(f"{file.path} is a program")


def _raised(data: bytes, file: DependencyFile, name: str, spec: str) -> bytes:
    """Return the file with another version after the name of a package, which must occur once."""
    text = data.decode()
    if file.kind in {"poetry", "pipenv"}:
        pattern = rf'(?im)^({name}[ \t]*=[ \t]*(?:\{{[^}}\n]*?version[ \t]*=[ \t]*)?)(["\'])[^"\'\n]*\2'
        changed, count = re.subn(pattern, rf"\g<1>\g<2>{spec}\g<2>", text)
    else:
        name_and_extras = rf"[ \t]*[\"']?{name}(?:\[[^\]\n]*\])?"
        versions = r"[ \t]*[^\"'#;,\n\r\[]*(?:,[ \t]*[<>=!~][^\"'#;,\n\r]*)*"
        pattern = rf"(?im)^({name_and_extras})(?![\w.-]){versions}"
        changed, count = re.subn(pattern, lambda match: _kept(match, spec), text)
    if count != 1:
        raise NotEditable(f"the version of {name} is not on one line")
    return changed.encode()


def _kept(match: re.Match[str], spec: str) -> str:
    """Return the name with its new version, and with the blanks that stood before a comment."""
    blanks = re.search(r"[ \t]*$", match[0])
    return f"{match[1]}{spec}{blanks[0] if blanks else ''}"


def _in_table(data: bytes, table: str, line: str) -> bytes:
    """Return a TOML file with one more line at the end of a table."""
    newline = newline_of(data)
    lines = data.decode().split(newline)
    try:
        start = next(number for number, text in enumerate(lines) if text.strip() == f"[{table}]")
    except StopIteration:
        raise NotEditable(f"it has no table [{table}] on a line of its own") from None
    end = next((number for number in range(start + 1, len(lines)) if lines[number].startswith("[")), len(lines))
    while not lines[end - 1].strip():
        end -= 1
    return newline.join([*lines[:end], line, *lines[end:]]).encode()


def _after_last(data: bytes, requirement: str) -> bytes:
    """Return a setup.cfg with one more line in install_requires."""
    newline = newline_of(data)
    text = data.decode()
    match = re.search(r"^install_requires[ \t]*=[ \t]*((?:\r?\n[ \t]+[^\r\n]+)+)", text, re.M)
    if match is None:
        raise NotEditable("install_requires is not a list with one requirement on each line")
    last = match[1].rpartition("\n")[2]
    indent = last[: len(last) - len(last.lstrip())]
    return (text[: match.end()] + newline + indent + requirement + text[match.end() :]).encode()
