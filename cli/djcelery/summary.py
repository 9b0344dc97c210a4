"""Describe a created project: what was made, what to do next, and how to make it again."""

from __future__ import annotations

import json
import os
import shlex

from djcelery.creation import CreatedProject
from djcelery.errors import CommandError
from djcelery.template import LIBRARY
from djcelery.virtual_environment import BY_HAND
from djcelery.wording import counted

AMQP_URL = "amqp://guest:guest@localhost:5672//"


def next_steps(project: CreatedProject, *, is_installed: bool = False) -> list[tuple[str, str]]:
    """Return the commands to run next, each with a remark that may be empty."""
    remark = "then open http://localhost:8000/"
    if project.answers["broker"] == "rabbitmq":
        remark = f"start a RabbitMQ server first (AMQP_URL, default {AMQP_URL}), {remark}"
    folder = os.path.relpath(project.path)
    return [
        *([] if folder == os.curdir else [(f"cd {shlex.quote(folder)}", "")]),
        *([] if is_installed else [(BY_HAND, "or: uv sync --extra dev")]),
        (".venv/bin/python manage.py dev", remark),
        (".venv/bin/pytest", ""),
    ]


def head_as_text(project: CreatedProject) -> str:
    """Return what was created, for people; for a dry run, the list of files."""
    folder = os.path.relpath(project.path)
    if project.dry_run:
        return "\n".join(f"{folder}/{file}" for file in project.files) + "\nDry run: nothing was written."
    library = [file for file in project.files if file.startswith(f"{LIBRARY}/")]
    name = "the project here" if folder == os.curdir else folder
    count = counted(len(project.files) - len(library), "file")
    return f"Created {name} with {count}" + (f", and the library in {LIBRARY}/." if library else ".")


def steps_as_text(project: CreatedProject, *, is_installed: bool) -> str:
    """Return the next steps and how to repeat the command, for people."""
    commands = next_steps(project, is_installed=is_installed)
    steps = [f"  {command}" + (f"    # {remark}" if remark else "") for command, remark in commands]
    return "\n".join(["", "Next steps:", *steps, "", "To create the same project again:", f"  {project.repeat}"])


def as_json(project: CreatedProject, *, is_installed: bool = False, failure: CommandError | None = None) -> str:
    """Return the summary for programs, as one JSON object. `failure` is why its packages could not be installed."""
    steps = next_steps(project, is_installed=is_installed)
    result = {
        "success": failure is None,
        "dry_run": project.dry_run,
        "path": str(project.path),
        "answers": project.answers,
        "files": project.files,
        "installed": is_installed,
        "next_steps": [{"run": command, "remark": remark} for command, remark in steps],
        "repeat": project.repeat,
        "notes": project.notes,
    }
    if failure:
        result["error"] = failure.as_data()
    return json.dumps(result, indent=2)
