"""Read `.djcelery.toml`, and the record that waits beside it until the conflicts of an update are resolved."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from djcelery.errors import CommandError
from djcelery.questions import Answer

RECORD = ".djcelery.toml"
SUFFIX = ".djcelery-new"  # of what is written beside a file that is not overwritten
PENDING = RECORD + SUFFIX
LIBRARY = "djcelery_jobs"
CONFLICTS = "\n[conflicts]\n"


@dataclass(frozen=True, slots=True)
class Record:
    """Hold what `.djcelery.toml` says. `answers` is None in a project that `djcelery init` changed."""

    text: str
    version: str
    answers: dict[str, Answer] | None
    hashes: dict[str, str]
    conflicts: list[str]

    @property
    def library(self) -> dict[str, str]:
        """Return the hashes of the vendored library's files."""
        return {path: digest for path, digest in self.hashes.items() if path.startswith(f"{LIBRARY}/")}


def find(root: Path) -> Path:
    """Return the folder of the record: the project's root, or the one folder in it where Python code is."""
    if (root / RECORD).is_file():
        return root
    inside = sorted(root.glob(f"*/{RECORD}"))
    if len(inside) == 1:
        return inside[0].parent
    message = f"{root} has no {RECORD}, so djcelery does not know what it wrote there."
    raise CommandError(message, "Name the project with --project. A dependency is upgraded by the package manager.")


def is_there(root: Path) -> bool:
    """Return whether `find` finds a record."""
    return (root / RECORD).is_file() or len(list(root.glob(f"*/{RECORD}"))) == 1


def read(file: Path) -> Record:
    """Return a record. Raise CommandError if it cannot be read."""
    try:
        text = file.read_text(encoding="utf-8")
        content = tomllib.loads(text)
        record = Record(text, content["version"], content.get("answers"), content["files"],
                        content.get("conflicts", {}).get("files", []))  # fmt: skip
        is_inside = all(map(_is_inside, [*record.hashes, *record.conflicts]))
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise CommandError(f"{file.name} cannot be read: {error}", "Restore it from your repository.") from None
    if not is_inside:
        raise CommandError(f"{file.name} names a file outside of the project.", "Restore it from your repository.")
    return record


def _is_inside(path: str) -> bool:
    return not Path(path).is_absolute() and ".." not in Path(path).parts


def with_library(record: Record, version: str, files: Mapping[str, bytes]) -> str:
    """Return the text of a record of `djcelery init` after an update of the library."""
    head = record.text.partition("\n[files]\n")[0]
    head = re.sub(r"^version = .*$", lambda _: f"version = {json.dumps(version)}", head, count=1, flags=re.M)
    lines = [f'"{path}" = "{digest(data)}"\n' for path, data in sorted(files.items())]
    return f"{head}\n[files]\n{''.join(lines)}"


def with_conflicts(text: str, paths: Iterable[str]) -> str:
    """Return a record that names the files with conflicts, for the time until they are resolved."""
    return f"{text}{CONFLICTS}files = {json.dumps(sorted(paths), ensure_ascii=False)}\n"


def without_conflicts(text: str) -> str:
    """Return a record without the files with conflicts."""
    return text.partition(CONFLICTS)[0]


def digest(data: bytes) -> str:
    """Return the hash that a record holds of a file."""
    return hashlib.sha256(data).hexdigest()
