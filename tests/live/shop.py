"""The generated shop, running: its processes, its pages, its broker, and the probes that tests put into it."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from browser import Browser
from processes import Process, eventually
from projects import Project, environment, make
from servers import MailServer

PROBES = Path(__file__).parent / "probes"
# What a developer would write: an app, a route for each task, an entry in the schedule.
INSTALLED = '    "orders",\n    "probes",\n'
ROUTES = """
    "probes.tasks.note": "fast",
    "probes.tasks.poison": "fast",
    "probes.tasks.refuse": "fast",
    "probes.tasks.hold": "slow",
    "probes.tasks.tick": "report",
"""
TICK = """
    "live-tick": {"task": "probes.tasks.tick", "schedule": 2, "options": {"expires": 60}},
"""
TICK_SECONDS = 2
CLASSES = ("fast", "slow", "email", "report")
STAFF = ("boss", "only-for-tests")


@dataclass
class Shop:
    """A project with the probes in it, and what its processes are told by their environment."""

    broker: str
    project: Project
    variables: dict[str, str]

    # -- what it says --------------------------------------------------------------------------------------------

    def records(self, event: str, task: str = "", *args: Any) -> list[dict[str, Any]]:
        """What the probes wrote down: of this event, of this task, with these first arguments."""
        log = self.project.path / "records" / "log.jsonl"
        every = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        return [
            each
            for each in every
            if each["event"] == event and each.get("task", "") == task and each.get("args", [])[: len(args)] == [*args]
        ]

    def starts(self, task: str, *args: Any) -> list[dict[str, Any]]:
        return self.records("start", task, *args)

    def started(self, task: str, *args: Any, count: int = 1, seconds: float = 60) -> list[dict[str, Any]]:
        """Wait until the task has started that often."""

        def look() -> list[dict[str, Any]]:
            found = self.starts(task, *args)
            return found if len(found) >= count else []

        return eventually(f"{count} x {task}{args}", look, seconds)

    def row(self, query: str, *values: Any) -> Any:
        """The first column of the first row in the project's database."""
        connection = sqlite3.connect(self.project.path / "db.sqlite3", timeout=20)
        try:
            found = connection.execute(query, values).fetchone()
            return found and found[0]
        finally:
            connection.close()

    # -- what is done to it --------------------------------------------------------------------------------------

    def shell(self, code: str) -> str:
        """Run code in a process of its own, as whoever publishes does. Returns the last line that it prints."""
        printed = self.project.run("manage.py", "shell", "-c", code, **self.variables)
        return printed.strip().rpartition("\n")[2]

    def publish(self, *calls: str) -> None:
        """Publish by these calls, such as `note.delay("a")`, in their order."""
        self.shell("from probes.tasks import hold, note, poison, refuse, tick\n" + "\n".join(calls))

    def allow(self, what: str) -> None:
        """Make the file that a probe looks for."""
        (self.project.path / "records").mkdir(exist_ok=True)
        (self.project.path / "records" / what).touch()

    def start(self, *words: str, name: str) -> Process:
        """Start `python WORDS` with the environment of this shop."""
        log = self.project.path.parent / f"{name}.log"
        return Process([self.project.python, *words], self.project.path, environment() | self.variables, log)


@dataclass
class RunningShop(Shop):
    """The shop under `manage.py dev`."""

    dev: Process
    browser: Browser
    mail: MailServer

    def order(self, email: str, quantity: int = 1, product: str = "TEA-01") -> str:
        """Place an order over HTTP and return its id."""
        answer = self.browser.json("/api/orders", {"product": product, "quantity": quantity, "email": email})
        return str(answer["id"])

    def settled(self, order: str, look: Callable[[dict[str, Any]], Any], what: str) -> None:
        """Wait until the API says of the order what is looked for."""
        eventually(f"order {order}: {what}", lambda: look(self.browser.json(f"/api/orders/{order}")))

    def receipt_sent(self, order: str) -> None:
        self.settled(order, lambda answer: answer["receipt_sent_at"], "receipt")

    def ran_in(self, task_id: str) -> set[str]:
        """The names of the processes in whose lines this task ended well."""
        return {line.split("|")[0].split()[-1] for line in self.dev.lines(rf"task_succeeded .*task_id={task_id}")}

    def staff(self) -> Browser:
        """A browser in which somebody with all permissions is logged in."""
        name, password = STAFF
        if not self.row("SELECT 1 FROM users_user WHERE username = ?", name):
            secret = {"DJANGO_SUPERUSER_PASSWORD": password}
            who = ("--username", name, "--email", "boss@example.com")
            self.project.run("manage.py", "createsuperuser", "--no-input", *who, **self.variables, **secret)
        browser = Browser(self.browser.site)
        browser.log_in(name, password)
        return browser

    def all_ready(self, times: int = 1) -> None:
        """Wait until web, workers and beat have begun their work for the nth time."""
        for name in CLASSES:
            self.dev.wait_for(rf"worker-{name} .* ready\.", count=times, seconds=120)
        self.dev.wait_for(r"beat +\| .*beat: (holds the lock|Starting)", count=times, seconds=120)
        eventually("the web server", self._web_answers, 60)

    def _web_answers(self) -> bool:
        try:
            return self.browser.json("/health/ready")["status"] == "ok"
        except (OSError, AssertionError):
            return False


def make_shop(folder: Path, broker: str, variables: dict[str, str], flags: tuple[str, ...] = ()) -> Shop:
    """A project for this broker with the probes in it."""
    project = make(folder, "shop", ["--broker", broker, *flags], Path(sys.executable))
    shutil.copytree(PROBES, project.path / "probes", ignore=shutil.ignore_patterns("__pycache__"))
    edit(project.path / "shop/settings/base.py", '    "orders",\n', INSTALLED)
    jobs = project.path / "shop/settings/jobs.py"
    edit(jobs, "\nROUTES = {\n", "\nROUTES = {" + ROUTES)
    edit(jobs, "\nCELERY_BEAT_SCHEDULE = {\n", "\nCELERY_BEAT_SCHEDULE = {" + TICK)
    return Shop(broker, project, variables)


def edit(file: Path, old: str, new: str) -> None:
    """Replace a text that must be there exactly once."""
    text = file.read_text(encoding="utf-8")
    assert len(re.findall(re.escape(old), text)) == 1, f"{old!r} in {file}"
    file.write_text(text.replace(old, new), encoding="utf-8")
