"""Find the file in which a project lists what it depends on, the kind of it, and the command that locks it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from djcelery.project.files import Tree
from djcelery.requirements import package_name

Kind = Literal["pyproject", "poetry", "pip-tools", "requirements", "pipenv", "setup.cfg", "setup.py"]
# How pip-tools and uv say in a locked file by which command it was made.
COMPILED = re.compile(r"^#\s+((?:pip-compile|uv pip compile)\b.*)$", re.M)
# Which of several requirements files a server installs.
COMMON = ("base", "common", "prod", "production", "main", "default", "requirements")
LINE = re.compile(r"^[ \t]*([A-Za-z0-9][\w.-]*)(?:\[([\w,. -]*)\])?[ \t]*([^#;\n]*)", re.M)


@dataclass(frozen=True, slots=True)
class Requirement:
    """Describe one line of a list of dependencies."""

    name: str  # normalized
    spec: str  # as written, such as >=5.4,<6


@dataclass(frozen=True, slots=True)
class DependencyFile:
    """Describe the file to which a dependency is added by hand."""

    path: str
    kind: Kind
    requirements: tuple[Requirement, ...]
    lock: str = ""  # the command that writes the lock file anew; empty where there is none

    def of(self, package: str) -> Requirement | None:
        """Return the line for a package."""
        name = package_name(package)
        return next((requirement for requirement in self.requirements if requirement.name == name), None)


def dependency_file(tree: Tree, folder: str) -> DependencyFile | None:
    """Return the file for the project in a folder: the nearest one that names Django, or else any that names a package.

    Of several in one folder, pyproject.toml comes first, then Pipfile, pip-tools, requirements, setup.cfg, setup.py.
    """
    files = [file for home in _upwards(folder) for file in _in_folder(tree, home)]
    return next((file for file in files if file.of("django")), files[0] if files else None)


def distribution_name(tree: Tree) -> str:
    """Return the name of the distribution in the root's pyproject.toml; empty where it has none."""
    content = _toml(tree, "pyproject.toml")
    name = content.get("project", {}).get("name") or content.get("tool", {}).get("poetry", {}).get("name")
    return package_name(name) if isinstance(name, str) else ""


def _upwards(folder: str) -> Iterator[str]:
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]
    yield ""


def _in_folder(tree: Tree, folder: str) -> Iterator[DependencyFile]:
    prefix = f"{folder}/" if folder else ""
    names = {entry.path[len(prefix) :] for entry in tree.entries if entry.path.startswith(prefix)}
    if "pyproject.toml" in names and (file := _pyproject(tree, prefix, names)):
        yield file
    if "Pipfile" in names:
        packages = _toml(tree, f"{prefix}Pipfile").get("packages", {})
        lock = "pipenv lock" if "Pipfile.lock" in names else ""
        yield DependencyFile(f"{prefix}Pipfile", "pipenv", tuple(_table(packages)), lock)
    yield from _requirements(tree, prefix, names)
    if "setup.cfg" in names and (text := _setup_cfg(_text(tree, f"{prefix}setup.cfg"))):
        yield DependencyFile(f"{prefix}setup.cfg", "setup.cfg", tuple(parse_lines(text)))
    if "setup.py" in names and "install_requires" in (text := _text(tree, f"{prefix}setup.py")):
        quoted = "\n".join(re.findall(r"""["']([^"'\n]+)["']""", text.partition("install_requires")[2]))
        yield DependencyFile(f"{prefix}setup.py", "setup.py", tuple(parse_lines(quoted)))


def _pyproject(tree: Tree, prefix: str, names: set[str]) -> DependencyFile | None:
    path, content = f"{prefix}pyproject.toml", _toml(tree, f"{prefix}pyproject.toml")
    project, poetry = content.get("project", {}), content.get("tool", {}).get("poetry", {})
    if isinstance(project.get("dependencies"), list):
        lines = "\n".join(str(line) for line in project["dependencies"])
        locks = {"uv.lock": "uv lock", "poetry.lock": "poetry lock", "pdm.lock": "pdm lock"}
        lock = next((command for name, command in locks.items() if name in names), "")
        return DependencyFile(path, "pyproject", tuple(parse_lines(lines)), lock)
    if isinstance(poetry.get("dependencies"), dict):
        lock = "poetry lock" if "poetry.lock" in names else ""
        return DependencyFile(path, "poetry", tuple(_table(poetry["dependencies"])), lock)
    return None


def _requirements(tree: Tree, prefix: str, names: set[str]) -> Iterator[DependencyFile]:
    candidates = [name for name in names if _is_requirements(name) and name.count("/") <= 1]
    for name in sorted(candidates, key=_rank):
        text = _text(tree, prefix + name)
        if name.endswith(".in"):
            locked = f"{name.removesuffix('.in')}.txt"
            made_by = COMPILED.search(_text(tree, prefix + locked))
            command = made_by[1].strip() if made_by else f"pip-compile {name}"
            yield DependencyFile(prefix + name, "pip-tools", tuple(parse_lines(text)), command)
        elif f"{name.removesuffix('.txt')}.in" not in names and not COMPILED.search(text):
            yield DependencyFile(prefix + name, "requirements", tuple(parse_lines(text)))


def _is_requirements(name: str) -> bool:
    folder, _, file = name.rpartition("/")
    stem, _, suffix = file.rpartition(".")
    if suffix not in {"txt", "in"}:
        return False
    return "requirements" in stem if not folder else folder in {"requirements", "reqs"}


def _rank(name: str) -> tuple[bool, int, int, str]:
    """Return what sorts sources before what is made of them, and what servers install before what developers do."""
    stem = name.rpartition("/")[2].rpartition(".")[0]
    words = re.split(r"[-_.]", stem)
    known = [COMMON.index(word) for word in words if word in COMMON and word != "requirements"]
    extra = [word for word in words if word not in COMMON]
    return not name.endswith(".in"), len(extra), min(known, default=-1 if stem == "requirements" else 99), name


def parse_lines(text: str) -> Iterator[Requirement]:
    """Yield the requirements in a text with one on each line."""
    for match in LINE.finditer(text):
        yield Requirement(package_name(match[1]), match[3].strip().rstrip("\\").strip())


def _table(packages: dict[str, Any]) -> Iterator[Requirement]:
    for name, value in packages.items():
        version = value.get("version", "") if isinstance(value, dict) else value
        yield Requirement(package_name(name), str(version) if isinstance(version, str) else "")


def _setup_cfg(text: str) -> str:
    match = re.search(r"^install_requires[ \t]*=[ \t]*(.*(?:\n[ \t]+.*)*)", text, re.M)
    return match[1] if match else ""


def _toml(tree: Tree, path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(tree, path))
    except tomllib.TOMLDecodeError:
        return {}


def _text(tree: Tree, path: str) -> str:
    try:
        return tree.read(path).decode("utf-8-sig", "replace").replace("\r\n", "\n")
    except OSError:
        return ""
