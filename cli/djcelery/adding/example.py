"""Take the example app out of a project, so that it equals one that was made without it.

What has to change is never guessed: the files that the answer decides are rendered with and without the example, and
the first rendering must be what the project's record says. Then the difference is applied to the team's files.
"""

from __future__ import annotations

import difflib
import hashlib
import re
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from djcelery import template
from djcelery.editing.text import keep_lines
from djcelery.errors import CommandError
from djcelery.plan import Plan
from djcelery.project.files import Tree

RECORD = ".djcelery.toml"
APP = "orders"
FOLDERS = (APP, f"tests/{APP}")
MENTION = re.compile(rb"^\s*(?:from|import)\s+orders\b|[\"']orders(?:\.|[\"'])", re.M)


class Renderings(NamedTuple):
    """Hold the files that the answer decides, with the example and without; None where there is no such file."""

    before: dict[str, bytes | None]
    after: dict[str, bytes | None]


def plan_example_removal(root: Path) -> Plan:
    """Plan to remove the example. Raise CommandError if it was edited, or the project is of another version."""
    plan = Plan(root)
    record = _read_record(plan)
    answers = dict(record["answers"])
    if not answers.get("example"):
        return plan
    files = render_both(answers)
    _refuse_other_version(record, files)
    _refuse_foreign_files(plan, record)
    problems = [problem for path in sorted(files.before) if (problem := _plan_file(plan, path, files))]
    if problems:
        hint = "Take these edits back, or remove the example by hand."
        raise CommandError(f"The example was edited, so it is not removed:\n{''.join(problems)}", hint)
    _refuse_mentions(plan)
    plan.write(RECORD, _new_record(plan.read(RECORD).decode(), files).encode(), "record that there is no example")
    return plan


def render_both(answers: dict[str, Any]) -> Renderings:
    """Return the files that differ between a project with the example and one without."""
    try:
        contexts = [template.context_of(answers | {"example": value}) for value in (True, False)]
    except ValueError as error:
        message = f"djcelery does not know an answer in {RECORD}: {error}"
        raise CommandError(message, "Correct it.") from None
    before, after = template.render_deciding(contexts, b"cookiecutter.example", b"__repeat")
    paths = {path for path in {*before, *after} if before.get(path) != after.get(path)}
    return Renderings({path: before.get(path) for path in paths}, {path: after.get(path) for path in paths})


def _read_record(plan: Plan) -> dict[str, Any]:
    message = f"`djcelery new` did not make the project in {plan.root}, so it has no example."
    hint = "Name the project with --project."
    if not plan.exists(RECORD):
        raise CommandError(message, hint)
    try:
        record = tomllib.loads(plan.read(RECORD).decode("utf-8"))
    except ValueError as error:
        raise CommandError(f"{RECORD} cannot be read: {error}", "Restore it from your repository.") from None
    if not {"version", "answers", "files"} <= set(record):
        raise CommandError(message, hint)
    return record


def _refuse_other_version(record: dict[str, Any], files: Renderings) -> None:
    """Raise CommandError unless this command renders what it rendered when the project was made."""
    for path, data in files.before.items():
        if data is not None and record["files"].get(path) != hashlib.sha256(data).hexdigest():
            message = f"djcelery {record['version']} made this project, and this command would make another {path}."
            raise CommandError(message, "Use the version that made the project, or run djcelery update first.")


def _refuse_foreign_files(plan: Plan, record: dict[str, Any]) -> None:
    """Raise CommandError if a folder of the example holds files of the team."""
    foreign = [
        path.relative_to(plan.root).as_posix()
        for folder in FOLDERS
        for path in sorted((plan.root / folder).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    ]
    foreign = [path for path in foreign if path not in record["files"]]
    if foreign:
        message = f"The example's folders hold files that are yours, such as {foreign[0]}."
        raise CommandError(message, "Move them away first.")


def _refuse_mentions(plan: Plan) -> None:
    """Raise CommandError if Python code that stays uses the example."""
    tree = Tree(str(plan.root))
    tree.scan()
    mentions = []
    unread = ("djcelery_jobs/", *(f"{folder}/" for folder in FOLDERS))
    tree.entries = [entry for entry in tree.entries if not entry.path.startswith(unread)]
    for path, data in tree.python_files():
        text = plan.after.get(path, data) or b""
        if APP.encode() in text and MENTION.search(text):
            mentions.append(path)
    if mentions:
        raise CommandError(f"These files use the example: {', '.join(mentions)}", "Take its name out of them first.")


def _plan_file(plan: Plan, path: str, files: Renderings) -> str:
    """Plan what becomes of a file, and return the diff of edits that are in the way."""
    before, after = files.before[path], files.after[path]
    if before is None:
        if after is not None and not plan.exists(path):
            plan.create(path, after, "comes in place of the example")
        return ""
    if not plan.exists(path):
        return ""
    data = plan.read(path)
    if after is None:
        if data != before:
            return _diff(path, before, data)
        plan.delete(path, "part of the example")
        return ""
    merged = merge(before, after, data)
    if merged is None:
        return _diff(path, before, data)
    plan.write(path, merged, "no example")
    return ""


def merge(before: bytes, after: bytes, data: bytes) -> bytes | None:
    """Return a file with the changes from `before` to `after`, or None if it was edited where they belong."""
    if b"\r\n" in data:
        merged = merge(before, after, data.replace(b"\r\n", b"\n"))
        return merged and merged.replace(b"\n", b"\r\n")
    old, new, ours = (keep_lines(text) for text in (before, after, data))
    matcher = difflib.SequenceMatcher(None, old, ours, autojunk=False)
    where = {block.a + i: block.b + i for block in matcher.get_matching_blocks() for i in range(block.size)}
    result = list(ours)
    for tag, start, end, new_start, new_end in reversed(
        difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    ):
        if tag == "equal":
            continue
        places = [where.get(number) for number in range(start, end)]
        if not places:  # nothing is replaced: the line above tells where it goes
            above = where.get(start - 1) if start else -1
            places = [None if above is None else above + 1]
            if places[0] is None:
                return None
            result[places[0] : places[0]] = new[new_start:new_end]
        elif places[0] is None or places != list(range(places[0], places[0] + len(places))):
            return None
        else:
            result[places[0] : places[0] + len(places)] = new[new_start:new_end]
    return b"".join(result)


def _new_record(text: str, files: Renderings) -> str:
    """Return the record of a project that was made without the example."""
    head, _, tail = text.partition("\n[files]\n")
    hashes = dict(line.split(" = ", 1) for line in tail.splitlines() if " = " in line)
    for path, data in files.after.items():
        hashes.pop(f'"{path}"', None)
        if data is not None:
            hashes[f'"{path}"'] = f'"{hashlib.sha256(data).hexdigest()}"'
    head = re.sub(r"^example = true$", "example = false", head, flags=re.M)
    return f"{head}\n[files]\n" + "".join(f"{path} = {digest}\n" for path, digest in sorted(hashes.items()))


def _diff(path: str, before: bytes, data: bytes) -> str:
    old, new = (text.decode("utf-8", "replace").splitlines(keepends=True) for text in (before, data))
    return "".join(difflib.unified_diff(old, new, f"{path} as created", path))
