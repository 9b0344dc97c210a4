"""One call that makes a project: refuse, render, record, write `.env`, commit, rename."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from djcelery import interrupts, repository, staging, template
from djcelery.questions import Answer


@dataclass(frozen=True)
class Created:
    """What was made, or would be."""

    path: Path
    answers: dict[str, Answer]
    files: list[str]
    repeat: str
    dry_run: bool
    notes: list[str]


def refuse(target: Path, answers: Mapping[str, Answer]) -> None:
    """Raise CommandError for an answer, of those there are, or a target that no project can be made from."""
    template.refuse_bad(answers)
    template.refuse_braces(target)
    staging.refuse_target(target)


def create(target: Path, answers: Mapping[str, Answer], *, git: bool, dry_run: bool) -> Created:
    """Make the project that `answers` describe at `target`; with `dry_run` only find out what it would be.

    Raises CommandError before anything is written; after any failure nothing is left behind.
    """
    refuse(target, answers)
    context = template.context_of(answers)
    if dry_run:
        with interrupts.held():  # finding the temporary folder writes a file to it
            temporary = Path(tempfile.gettempdir())
        with staging.scratch(temporary) as folder:
            files = _files(template.render(context, folder))
        notes = []
    else:
        with staging.replacing(target) as folder:
            files = _files(template.render(context, folder.parent).rename(folder))
            notes = _commit(folder, target) if git else []
            write_env(folder)
    return Created(target, dict(answers), sorted([*files, ".env"]), context["__repeat"], dry_run, notes)


def _files(project: Path) -> list[str]:
    found = ((Path(folder).relative_to(project), names) for folder, _, names in os.walk(project))
    return [(folder / name).as_posix() for folder, names in found for name in names]


def _commit(folder: Path, target: Path) -> list[str]:
    around = repository.enclosing(target.resolve())
    if around:
        return [f"{around} is a git repository already, so the project got none of its own."]
    note = repository.first_commit(folder, "Start the project with djcelery")
    return [note] if note else []


def write_env(folder: Path) -> None:
    """Write `.env`, for this machine alone, from `.env.example`, with a secret key of its own."""
    example = (folder / ".env.example").read_text(encoding="utf-8")
    text = re.sub(r"^DJANGO_SECRET_KEY=.*$", f"DJANGO_SECRET_KEY={os.urandom(32).hex()}", example, flags=re.MULTILINE)
    descriptor = os.open(folder / ".env", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
