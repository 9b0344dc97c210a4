"""Render a project's answers with the template of a version, and with the one that made the project."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from djcelery import repository, template
from djcelery.errors import CommandError
from djcelery.updating import releases
from djcelery.updating.record import LIBRARY, RECORD, Record, digest


@dataclass
class Render:
    """Hold the files of a project with their contents, the paths of executable ones, and the text of its record."""

    files: dict[str, bytes] = field(default_factory=dict)
    executable: set[str] = field(default_factory=set)
    record: str = ""
    answers: dict[str, object] = field(default_factory=dict)


def render(version: str, record: Record) -> Render | None:
    """Return what a version makes of a project's answers, or None if the command does not carry the version."""
    with releases.template_of(version) as is_carried:
        if not is_carried:
            return None
        if record.answers is None:
            return _library_only(record)
        try:
            context = template.context_of(record.answers)
        except ValueError as error:
            raise CommandError(
                f"djcelery {version} does not know an answer in {RECORD}: {error}", "Correct it."
            ) from None
        with releases.temporary_folder() as folder:
            project = template.render(context, folder)
            result = _read(project)
        result.answers = dict(template.hook("post_gen_project").answers_in(context))
        return result


def _library_only(record: Record) -> Render:
    files = {f"{LIBRARY}/{path}": data for path, data in template.library_files().items()} if record.library else {}
    return Render(files)


def _read(project: Path) -> Render:
    result = Render()
    for folder, _, names in os.walk(project):
        for name in names:
            file = Path(folder, name)
            path = file.relative_to(project).as_posix()
            result.files[path] = file.read_bytes()
            if os.access(file, os.X_OK):
                result.executable.add(path)
    result.record = result.files.pop(RECORD).decode("utf-8")
    return result


class Originals:
    """Find the files of a project as djcelery wrote them: only what has the hash in the record, never a guess."""

    def __init__(self, root: Path, record: Record) -> None:
        self.root = root
        self.record = record
        self.rendered = render(record.version, record) or Render()

    def read_all(self, wanted: Mapping[str, bytes]) -> dict[str, bytes | None]:
        """Return each file of the record; None for one that nobody has any more.

        What a file was does not matter if the new version writes the same, which `wanted` holds.
        """
        return {path: self._read(path, known, wanted.get(path)) for path, known in self.record.hashes.items()}

    def _read(self, path: str, known: str, wanted: bytes | None) -> bytes | None:
        for data in (wanted, self.rendered.files.get(path), self._on_disk(path)):
            if data is not None and digest(data) == known:
                return data
            if data is not None and digest(data.replace(b"\r\n", b"\n")) == known:
                return data.replace(b"\r\n", b"\n")
        commits = repository.committed_versions(self.root, path, RECORD)
        return next((data for data in commits if digest(data) == known), None)

    def _on_disk(self, path: str) -> bytes | None:
        file = self.root / path
        return file.read_bytes() if file.is_file() and not file.is_symlink() else None
