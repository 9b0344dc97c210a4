"""The commands of the tutorial work, its code fits into the files that it names, and its output is what is printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "tutorial.md").read_text()
BIN = Path(sys.executable).parent
ADMIN = {
    "DJANGO_SUPERUSER_USERNAME": "ann",
    "DJANGO_SUPERUSER_PASSWORD": "x",
    "DJANGO_SUPERUSER_EMAIL": "a@example.org",
}
INSTALL = "python3 -m venv .venv && .venv/bin/pip install -e '.[dev]'"  # this environment stands in for it


def blocks(language: str) -> list[str]:
    """Return the code blocks of one language, in the order of the page."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def run(command: str, folder: Path) -> str:
    """Run one line of the page in this environment, and return what it prints."""
    line = command.replace(".venv/bin/", f"{BIN}/").replace("createsuperuser", "createsuperuser --noinput")
    names = ("VIRTUAL_ENV", "DJANGO_SETTINGS_MODULE", "DATABASE_URL", "REDIS_URL", "AMQP_URL")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    environment |= {"PATH": f"{BIN}:{environment['PATH']}", **ADMIN}
    done = subprocess.run(line, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False)  # noqa: S602
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def replace(path: Path, pattern: str, code: str) -> None:
    """Replace the one place in a file that matches the pattern."""
    text, count = re.subn(pattern, lambda _: code, path.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert count == 1, f"{path}: {count} places match {pattern}"
    path.write_text(text)


def test_every_command_and_output(tmp_path):
    create, log_in, add, test = blocks("console")
    body, fixtures, model = blocks("python")
    added, passed = blocks("text")
    new, enter, install = create.splitlines()
    assert (enter, install) == ("cd shop", INSTALL)
    shop = tmp_path / "shop"

    run(new, tmp_path)
    for command in log_in.splitlines():
        run(command, shop)
    assert added in run(add, shop)
    replace(
        shop / "orders" / "tasks.py",
        r"^@shared_task\(base=DurableTask\)\ndef restock.*?NotImplementedError[^\n]*\n",
        body,
    )
    tests = shop / "tests" / "orders" / "test_restock.py"
    replace(tests, r"^@pytest.fixture\ndef pk.*?def effect.*?pytest.fail[^\n]*\n", fixtures)
    replace(tests, r"^(?=from orders\.tasks)", model)
    assert passed.strip() in run(test, shop)
