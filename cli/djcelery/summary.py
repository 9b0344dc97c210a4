"""Describe a created project: what was made, what to do next, and how to make it again."""

from __future__ import annotations

import json
import os
import shlex

from djcelery.creation import CreatedProject

AMQP_URL = "amqp://guest:guest@localhost:5672//"


def next_steps(project: CreatedProject) -> list[tuple[str, str]]:
    """Return the commands to run next, each with a remark that may be empty."""
    remark = "then open http://localhost:8000/"
    if project.answers["broker"] == "rabbitmq":
        remark = f"start a RabbitMQ server first (AMQP_URL, default {AMQP_URL}), {remark}"
    folder = os.path.relpath(project.path)
    return [
        *([] if folder == os.curdir else [(f"cd {shlex.quote(folder)}", "")]),
        ("python3 -m venv .venv && .venv/bin/pip install -e '.[dev]'", "or: uv sync --extra dev"),
        (".venv/bin/python manage.py dev", remark),
        (".venv/bin/pytest", ""),
    ]


def as_text(project: CreatedProject) -> str:
    """Return the summary for people; for a dry run, the list of files."""
    folder = os.path.relpath(project.path)
    if project.dry_run:
        return "\n".join(f"{folder}/{file}" for file in project.files) + "\nDry run: nothing was written."
    steps = [f"  {command}" + (f"    # {remark}" if remark else "") for command, remark in next_steps(project)]
    name = "the project here" if folder == os.curdir else folder
    lines = [f"Created {name} with {len(project.files)} files.", "", "Next steps:", *steps]
    return "\n".join([*lines, "", "To create the same project again:", f"  {project.repeat}"])


def as_json(project: CreatedProject) -> str:
    """Return the summary for programs, as one JSON object."""
    result = {
        "success": True,
        "dry_run": project.dry_run,
        "path": str(project.path),
        "answers": project.answers,
        "files": project.files,
        "next_steps": [{"run": command, "remark": remark} for command, remark in next_steps(project)],
        "repeat": project.repeat,
        "notes": project.notes,
    }
    return json.dumps(result, indent=2)
