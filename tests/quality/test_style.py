"""Hold the prose of the documentation to plain English: by proselint, and by a short list of our own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), ROOT / "lib" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES += sorted((ROOT / "{{cookiecutter.project_slug}}").glob("*.md"))
# Quotes and dots are as a keyboard has them, and a heading may end with the word that its text begins with.
CHECKS = {"typography": False, "lexical_illusions": False}
CODE = re.compile(r"^ *```.*?^ *```$|`[^`\n]*`|<!--.*?-->|\]\([^)]*\)", re.MULTILINE | re.DOTALL)
# What had to be read twice, and what to write instead.
OURS = {
    r"\bfor ever\b": "forever, or without end",
    r"\bbelongs? into\b": "belongs in",
    r"\bis no (value|name|number|queue|task) of\b": "is not ... of",
    r"\bnobody consumes\b": "no worker",
    r"\bdo(es)? not exist any more\b": "is gone",
    r"\bwhat fails for a moment\b": "transient errors",
    r"\bspeaks? to scripts\b": "use ... in scripts",
    r"\bsuch as us\b": "ordinary roles",
    r"\bsays? no goodbye\b": "does not close its connections",
    r"\bwish(es)?\b": "options, or wants",
}


def prose(text: str) -> str:
    """Return a text without its code and links, on the same lines."""
    return CODE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def test_proselint_has_nothing_to_say(tmp_path):
    (tmp_path / "proof.md").write_text("This is very unique.")
    for page in PAGES:
        copy = tmp_path / page.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(prose(page.read_text()))
    config = tmp_path / "proselint.json"
    config.write_text(json.dumps({"checks": CHECKS}))
    files = [page.relative_to(ROOT) for page in PAGES]
    command = [Path(sys.executable).parent / "proselint", "check", "--config", config, "--output-format", "compact"]

    done = subprocess.run([*command, "proof.md", *files], cwd=tmp_path, capture_output=True, text=True, check=False)

    lines = done.stdout.splitlines()
    assert [line for line in lines if "proof.md" not in line] == [], done.stderr
    assert any("uncomparables" in line for line in lines)


def test_our_own_list():
    found = [
        f"{page.relative_to(ROOT)}:{number}: {match[0]!r}; write: {instead}"
        for page in PAGES
        for number, line in enumerate(prose(page.read_text()).splitlines(), start=1)
        for pattern, instead in OURS.items()
        for match in re.finditer(pattern, line, flags=re.IGNORECASE)
    ]

    assert found == []


def test_the_check_finds_what_is_wrong_and_no_code():
    assert (
        prose("It `is for ever` so.\n```python\nfor ever\n```\nfor ever")
        == "It               so.\n" + " " * 9 + "\n" + " " * 8 + "\n   \nfor ever"
    )
