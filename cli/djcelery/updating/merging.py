"""Merge a file of the team with what the template made of it since: three texts into one."""

from __future__ import annotations

import ast
import difflib
import io
import json
import re
import shutil
import subprocess
import tokenize
import tomllib
from pathlib import Path
from typing import NamedTuple

from djcelery import repository
from djcelery.errors import CommandError
from djcelery.updating import styles
from djcelery.updating.releases import temporary_folder

BOM = b"\xef\xbb\xbf"
LINE = re.compile(rb"[^\n]*\n|[^\n]+")
MARKER = re.compile(rb"^(?:<{7}|>{7}|\|{7})(?: |\r?$)|^={7}\r?$", re.M)
NUMBERS = re.compile(rb"\d+(?:\.\d+)+(?:\.dev\d+)?")
BOUND = re.compile(rb'[ \t]*"?djcelery-jobs(?:\[[^\]"]*\])?(?P<versions>[^"\n]*)')
MAX_CONFLICTS = 127  # the exit code of git merge-file above which there is another error
FORMAT_SECONDS = 20
FORMATTERS = (("ruff", ("format", "--quiet", "--stdin-filename", "{path}", "-")),
              ("black", ("--quiet", "--stdin-filename", "{path}", "-")))  # fmt: skip


class Versions(NamedTuple):
    """Name the versions before and after, for the labels of the markers."""

    old: str
    new: str


class Merged(NamedTuple):
    """Hold the merged text, and how many conflicts are marked in it."""

    data: bytes
    conflicts: int


def is_binary(data: bytes) -> bool:
    """Return whether a file is not text."""
    if b"\0" in data:
        return True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


def merge(root: Path, path: str, base: bytes, ours: bytes, new: bytes, versions: Versions) -> Merged:
    """Return the team's file with the changes from `base` to `new`; keep its line ends, and its formatter's style.

    Conflicts have markers in the style of diff3.
    """
    plain = _carry_versions([_plain(text) for text in (base, ours, new)])
    merged = _merge_lines(plain, versions)
    if merged.conflicts:
        merged = min(
            merged, _merge_formatted(root, path, plain, versions) or merged, key=lambda candidate: candidate.conflicts
        )
    if merged.conflicts and path.endswith((".py", ".pyi")):
        base, current, latest = plain
        styled = [styles.restyled(base, current), current, styles.restyled(latest, current)]
        merged = min(merged, _merge_lines(styled, versions), key=lambda candidate: candidate.conflicts)
    if merged.conflicts and _differ_in_format_only(path, plain[0], plain[1]):
        merged = Merged(plain[2], 0)
    return Merged(_as_ours(merged.data, ours), merged.conflicts)


def _carry_versions(plain: list[bytes]) -> list[bytes]:
    """Return the three texts with the new version in lines that name djcelery and differ in nothing else.

    Such lines change with each version. Without this, a line of the team beside one would be a conflict every time.
    """
    base, ours, new = ([*LINE.findall(text)] for text in plain)
    moved: dict[bytes, bytes] = {}
    bounds: dict[bytes, bytes] = {}
    for tag, start, end, new_start, new_end in difflib.SequenceMatcher(None, base, new, autojunk=False).get_opcodes():
        if tag != "replace" or end - start != new_end - new_start:
            continue
        for before, after in zip(base[start:end], new[new_start:new_end], strict=True):
            if b"djcelery" in before and NUMBERS.sub(b"#", before) == NUMBERS.sub(b"#", after):
                moved[before] = after
                if (old := BOUND.match(before)) and (current := BOUND.match(after)):
                    bounds[old["versions"]] = current["versions"]

    def carried(line: bytes) -> bytes:
        match = BOUND.match(line)  # whose extras the team may have changed
        if line not in moved and match and match["versions"] in bounds:
            return line[: match.start("versions")] + bounds[match["versions"]] + line[match.end("versions") :]
        return moved.get(line, line)

    return [b"".join(map(carried, base)), b"".join(map(carried, ours)), plain[2]]


def markers_in(data: bytes, path: str) -> list[int]:
    """Return the numbers of the lines that are conflict markers."""
    is_prose = path.endswith((".rst", ".md"))  # where a row of equals signs underlines a heading
    starts = [match for match in MARKER.finditer(data) if not (is_prose and match[0].startswith(b"="))]
    return [data.count(b"\n", 0, match.start()) + 1 for match in starts]


def _plain(data: bytes) -> bytes:
    return data.removeprefix(BOM).replace(b"\r\n", b"\n")


def _as_ours(merged: bytes, ours: bytes) -> bytes:
    """Return a text with the line ends of the team: each of its own lines as it was, others as most of them."""
    if not ours.startswith(BOM) and b"\r\n" not in ours:
        return merged
    raw = LINE.findall(ours.removeprefix(BOM))
    end = b"\r\n" if ours.count(b"\r\n") * 2 > ours.count(b"\n") else b"\n"
    lines = LINE.findall(merged)
    matcher = difflib.SequenceMatcher(None, [line.replace(b"\r\n", b"\n") for line in raw], lines, autojunk=False)
    result = [line.replace(b"\n", end) for line in lines]
    for block in matcher.get_matching_blocks():
        result[block.b : block.b + block.size] = raw[block.a : block.a + block.size]
    return (BOM if ours.startswith(BOM) else b"") + b"".join(result)


def _merge_lines(plain: list[bytes], versions: Versions) -> Merged:
    with temporary_folder() as folder:
        for name, data in zip(("base", "ours", "new"), plain, strict=True):
            (folder / name).write_bytes(data)
        labels = ("-L", "yours", "-L", f"djcelery {versions.old}", "-L", f"djcelery {versions.new}")
        done = repository.run(folder, "merge-file", "-p", "-q", "--diff3", *labels, "ours", "base", "new")
    if done is None:
        raise CommandError("git is not installed, and merging needs it.", "Install git, then run the command again.")
    if not 0 <= done.returncode <= MAX_CONFLICTS:
        raise CommandError(f"git could not merge: {done.stderr.decode('utf-8', 'replace').strip()}", "Report this bug.")
    return Merged(done.stdout, done.returncode)


def _merge_formatted(root: Path, path: str, plain: list[bytes], versions: Versions) -> Merged | None:
    """Merge with the template's two texts in the style of the team's formatter, if the team's file is in that style."""
    base, ours, new = plain
    if not path.endswith((".py", ".pyi")):
        return None
    for name, words in FORMATTERS:
        program = _find_program(root, name)
        if program is None or _formatted(root, [program, *words], path, ours) != ours:
            continue
        styled = [_formatted(root, [program, *words], path, text) for text in (base, new)]
        if None not in styled and styled != [base, new]:
            return _merge_lines([styled[0] or b"", ours, styled[1] or b""], versions)
    return None


def _find_program(root: Path, name: str) -> str | None:
    for folder in (".venv/bin", "venv/bin", ".venv/Scripts"):
        if program := shutil.which(name, path=str(root / folder)):
            return program
    return shutil.which(name)


def _formatted(root: Path, words: list[str], path: str, data: bytes) -> bytes | None:
    command = [word.replace("{path}", str(root / path)) for word in words]
    try:
        done = subprocess.run(command, input=data, cwd=root, capture_output=True, timeout=FORMAT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.replace(b"\r\n", b"\n") if done.returncode == 0 else None


def _differ_in_format_only(path: str, base: bytes, ours: bytes) -> bool:
    """Return whether two texts mean the same and have the same comments."""
    try:
        base_text, our_text = base.decode("utf-8"), ours.decode("utf-8")
        if path.endswith((".py", ".pyi")):
            return _python_meaning(base_text) == _python_meaning(our_text)
        if path.endswith(".toml"):
            return tomllib.loads(base_text) == tomllib.loads(our_text) and _comments(base_text) == _comments(our_text)
        if path.endswith(".json"):
            return json.dumps(json.loads(base_text)) == json.dumps(json.loads(our_text))
        if path.endswith((".yml", ".yaml")):
            return _yaml_meaning(base_text) == _yaml_meaning(our_text) and _comments(base_text) == _comments(our_text)
    except (ValueError, SyntaxError, RecursionError, tokenize.TokenError):
        pass
    return False


def _python_meaning(text: str) -> tuple[str, list[str]]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return ast.dump(ast.parse(text)), [token.string for token in tokens if token.type == tokenize.COMMENT]


def _yaml_meaning(text: str) -> str:
    import yaml

    try:
        return repr(list(yaml.safe_load_all(text)))
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def _comments(text: str) -> list[str]:
    return [line.split("#", 1)[1].strip() for line in text.splitlines() if "#" in line]
