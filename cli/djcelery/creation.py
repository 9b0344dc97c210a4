"""Create a project: check the answers, render, write `.env`, commit, and rename into place."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from djcelery import interrupts, repository, staging, template
from djcelery.questions import Answer

# The variables of `.env.example` that get a random value in `.env`.
SECRETS = ("DJANGO_SECRET_KEY", "POSTGRES_PASSWORD", "BROKER_PASSWORD")


@dataclass(frozen=True)
class CreatedProject:
    """Describe a project that was created, or with `dry_run` would be."""

    path: Path
    answers: dict[str, Answer]
    files: list[str]
    repeat: str
    dry_run: bool
    notes: list[str]


def refuse(target: Path, answers: Mapping[str, Answer]) -> None:
    """Raise CommandError for an answer or a target that no project can be made from."""
    template.refuse_bad(answers)
    template.refuse_unreleased(answers)
    staging.refuse_target(target)


def create(target: Path, answers: Mapping[str, Answer], *, git: bool, dry_run: bool) -> CreatedProject:
    """Create the project that `answers` describe at `target`; with `dry_run` only find out what it would be.

    Raise CommandError before anything is written. After any failure nothing is left behind.
    """
    refuse(target, answers)
    context = template.context_of(answers)
    if dry_run:
        with interrupts.deferred():  # finding the temporary folder writes a file to it
            temporary = Path(tempfile.gettempdir())
        with staging.hidden_folder(temporary) as folder:
            files = list(template.files_below(template.render(context, folder)))
        notes = []
    else:
        with staging.staged(target) as folder:
            files = list(template.files_below(template.render(context, folder.parent).rename(folder)))
            notes = _commit(folder, target) if git else []
            write_env(folder)
    return CreatedProject(target, dict(answers), sorted([*files, ".env"]), context["__repeat"], dry_run, notes)


def _commit(folder: Path, target: Path) -> list[str]:
    enclosing = repository.enclosing(target.resolve())
    if enclosing:
        return [f"{enclosing} is already a git repository, so none was created for the project."]
    note = repository.first_commit(folder, "Start the project with djcelery")
    return [note] if note else []


def write_env(folder: Path) -> None:
    """Write `.env`, for this machine only, from `.env.example` with secrets of its own."""
    example = (folder / ".env.example").read_text(encoding="utf-8")
    text = re.sub(rf"(?m)^({'|'.join(SECRETS)})=$", lambda name: name[0] + os.urandom(32).hex(), example)
    descriptor = os.open(folder / ".env", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
