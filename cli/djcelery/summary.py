"""What is said at the end of a run: what was made, what to do next, how to make it again."""

from __future__ import annotations

import json
import os
import shlex

from djcelery.creation import Created

AMQP_URL = "amqp://guest:guest@localhost:5672//"


def next_steps(created: Created) -> list[tuple[str, str]]:
    """Return the commands to run next, each with a remark that may be empty; right for these answers."""
    dev = "then open http://localhost:8000/"
    if created.answers["broker"] == "rabbitmq":
        dev = f"start a RabbitMQ server first (AMQP_URL, default {AMQP_URL}), {dev}"
    return [
        (f"cd {shlex.quote(os.path.relpath(created.path))}", ""),
        ("python3 -m venv .venv && .venv/bin/pip install -e '.[dev]'", "or: uv sync --extra dev"),
        (".venv/bin/python manage.py dev", dev),
        (".venv/bin/pytest", ""),
    ]


def as_text(created: Created) -> str:
    """Return the summary for people; of a dry run, the list of files."""
    folder = os.path.relpath(created.path)
    if created.dry_run:
        return "\n".join(f"{folder}/{file}" for file in created.files) + "\nNothing was written: this was a dry run."
    steps = [f"  {command}" + (f"    # {remark}" if remark else "") for command, remark in next_steps(created)]
    lines = [f"Created {folder}: {len(created.files)} files.", "", "Next:", *steps]
    return "\n".join([*lines, "", "The same project again:", f"  {created.repeat}"])


def as_json(created: Created) -> str:
    """Return the same for programs."""
    result = {
        "success": True,
        "dry_run": created.dry_run,
        "path": str(created.path),
        "answers": created.answers,
        "files": created.files,
        "next_steps": [{"run": command, "remark": remark} for command, remark in next_steps(created)],
        "repeat": created.repeat,
        "notes": created.notes,
    }
    return json.dumps(result, indent=2)
