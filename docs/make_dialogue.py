"""Draw docs/dialogue.svg from a real run on a terminal: python docs/make_dialogue.py (not on Windows)"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

PICTURE = Path(__file__).parent / "dialogue.svg"
COLUMNS = 112
# What to wait for and what to type, including a mistake.
TYPED = [("name [", "my-shop\n"), ("name [", "my_shop\n"), *[(f"{number} of 9", "\n") for number in range(2, 9)],
         ("9 of 9", "n\n")]  # fmt: skip
MOVE = re.compile(r"(\x1b\[\d+A|\x1b\[J|\n)")


def recorded(folder: str) -> str:
    """Run the command on a terminal of its own, type the answers, and return everything that appeared."""
    env = {**os.environ, "TERM": "xterm-256color", "HOME": folder, "GIT_CONFIG_GLOBAL": f"{folder}/.gitconfig"}
    for name in ("NO_COLOR", "ACCESSIBLE"):
        env.pop(name, None)
    Path(folder, ".gitconfig").write_text("[user]\n name = Jane Doe\n email = jane@example.org\n")
    Path(folder, "work").mkdir()
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "djcelery", "new"], cwd=Path(folder, "work"), env=env,
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    shown = ""
    for question, answer in TYPED:
        start = len(shown)
        while question not in shown[start:]:
            shown += os.read(ours, 65536).decode()
        os.write(ours, answer.encode())
    try:
        while chunk := os.read(ours, 65536):
            shown += chunk.decode()
    except OSError:  # the command has closed its side of the terminal
        pass
    os.close(ours)
    if process.wait():
        raise SystemExit(shown)
    return screen(shown.replace("\r", ""))


def screen(shown: str) -> str:
    """Return what is on the screen in the end: a menu moves the cursor up, and clears what is below."""
    lines, row = [""], 0
    for part in MOVE.split(shown):
        if part.startswith("\x1b") and part.endswith("A"):
            row -= int(part[2:-1])
        elif part == "\x1b[J":
            lines[row:] = [""]
        elif part == "\n":
            row += 1
            lines += [""] * (row == len(lines))
        else:
            lines[row] += part
    return "\n".join(lines)


def drawn(shown: str) -> str:
    """Return the picture. Long lines are wrapped, and the fonts are those of the reader's machine."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True, color_system="truecolor")
        console.print(Text("$ djcelery new"), Text.from_ansi(shown.strip("\n")), sep="\n")
        picture = console.export_svg(title="djcelery new", unique_id="dialogue")
    picture = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL)
    picture = re.sub(r"<!--.*?-->\s*", "", picture, flags=re.DOTALL)
    return re.sub(r"font-family: ?[^;]*;", "font-family: ui-monospace, Menlo, Consolas, monospace;", picture)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        PICTURE.write_text(drawn(recorded(folder)), encoding="utf-8")
