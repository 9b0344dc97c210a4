"""Carry the templates of released versions, as one compressed archive.

The versions have most of their bytes in common, so a further one adds little to the archive. `docs/make_releases.py`
adds a version when it is released.
"""

from __future__ import annotations

import io
import lzma
import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from djcelery import interrupts, staging, template

ARCHIVE = Path(__file__).parents[1] / "releases.tar.xz"
PARTS = ("cookiecutter.json", "hooks", "lib/pyproject.toml")
VERSION = re.compile(r"(?P<numbers>\d+(?:\.\d+)*)(?:\.dev(?P<dev>\d+))?")
LAST = 1_000_000  # sorts a release after its development versions


def own_version() -> str:
    """Return the version of the command and of its template."""
    return str(template.private_values()["_djcelery_version"])


def sort_key(version: str) -> tuple[tuple[int, ...], int]:
    """Return what versions are ordered by. Raise ValueError for a text that is not a version."""
    match = VERSION.fullmatch(version)
    if match is None:
        raise ValueError(version)
    numbers = [int(part) for part in match["numbers"].split(".")]
    return tuple(numbers + [0] * (4 - len(numbers))), int(match["dev"]) if match["dev"] else LAST


def carried_versions() -> list[str]:
    """Return the released versions in the archive, oldest first."""
    if not ARCHIVE.exists():
        return []
    with tarfile.open(ARCHIVE) as archive:
        return sorted({name.split("/", 1)[0] for name in archive.getnames()}, key=sort_key)


@contextmanager
def template_of(version: str) -> Iterator[bool]:
    """Make `template` that of a version for the length of the block, and yield whether the command has it."""
    if version == own_version():
        yield True
        return
    if version not in carried_versions():
        yield False
        return
    with temporary_folder() as folder:
        with tarfile.open(ARCHIVE) as archive:
            members = [member for member in archive if member.name.startswith(f"{version}/")]
            archive.extractall(folder, members, filter="data")
        with template.located_in(folder / version):
            yield True


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a folder for the length of the block."""
    with interrupts.deferred():  # finding the temporary folder writes a file to it
        parent = Path(tempfile.gettempdir())
    with staging.hidden_folder(parent) as folder:
        folder.mkdir(exist_ok=True)
        yield folder


def pack(homes: Mapping[str, Path]) -> bytes:
    """Return an archive of the templates in these folders, by version. The same input gives the same bytes."""
    tarred = io.BytesIO()
    with tarfile.open(fileobj=tarred, mode="w") as archive:
        for version in sorted(homes, key=sort_key):
            for path, file in sorted(_files(homes[version]).items()):
                entry = tarfile.TarInfo(f"{version}/{path}")
                data = file.read_bytes()
                entry.size = len(data)
                entry.mode = 0o755 if os.access(file, os.X_OK) else 0o644
                archive.addfile(entry, io.BytesIO(data))
    return lzma.compress(tarred.getvalue(), preset=9 | lzma.PRESET_EXTREME)


def add(version: str, home: Path) -> None:
    """Add the template in a folder to the archive."""
    with temporary_folder() as folder:
        if ARCHIVE.exists():
            with tarfile.open(ARCHIVE) as archive:
                archive.extractall(folder, filter="data")
        homes = {path.name: path for path in folder.iterdir()} | {version: home}
        data = pack(homes)
    temporary = ARCHIVE.with_suffix(".tmp")
    temporary.write_bytes(data)
    shutil.move(temporary, ARCHIVE)


def _files(home: Path) -> dict[str, Path]:
    (root,) = home.glob("{{*cookiecutter*}}")
    files = {}
    for part in (*PARTS, root.name):
        top = home / part
        # A checkout has the library in the template as a link.
        walk = os.walk(top, followlinks=True) if top.is_dir() else [(str(top.parent), [], [top.name])]
        for folder, folders, names in walk:
            folders[:] = [name for name in folders if not name.endswith(("__pycache__", "_cache"))]
            for name in names:
                if not name.endswith(".pyc"):
                    files[Path(folder, name).relative_to(home).as_posix()] = Path(folder, name)
    return files
