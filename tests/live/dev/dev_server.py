"""Run the generated project under `manage.py dev`, order in it over HTTP, and read what its tasks wrote down."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.live.harness.browser import Browser
from tests.live.harness.environment import Environment
from tests.live.harness.mail import MailServer
from tests.live.harness.processes import Process, eventually, whole_lines
from tests.live.harness.project import CLASSES, SHORT, make_project, schedule
from tests.live.harness.servers import SQLite, running_broker
from tests.ports import free_port

TICK_SECONDS = 2
READY = [*(rf"worker-{name} .* ready\." for name in CLASSES), r"beat +\| .*beat: Starting"]
STAFF = ("boss", "only-for-tests")
# One project shows the defaults, the other the other answers.
FLAGS = {"redis": (), "rabbitmq": ("--results", "django", "--schedule", "database", "--no-sentry")}


@dataclass
class DevProject:
    """Hold a project whose tasks write down each start, in a file that survives every kill."""

    broker: str
    environment: Environment

    @property
    def project(self) -> Any:
        return self.environment.project

    @property
    def variables(self) -> dict[str, str]:
        return self.environment.variables

    def records(self, event: str, task: str = "", *args: Any) -> list[dict[str, Any]]:
        """Return what was written down: of this event, of this task, with these first arguments."""
        records = map(json.loads, whole_lines(self.project.path / "records" / "log.jsonl"))
        return [
            record
            for record in records
            if record["event"] == event
            and record.get("task", "") == task
            and record.get("args", [])[: len(args)] == [*args]
        ]

    def starts(self, task: str, *args: Any) -> list[dict[str, Any]]:
        return self.records("start", task, *args)

    def started(self, task: str, *args: Any, count: int = 1, seconds: float = 60) -> list[dict[str, Any]]:
        """Wait until the task has started that often."""

        def look() -> list[dict[str, Any]]:
            starts = self.starts(task, *args)
            return starts if len(starts) >= count else []

        return eventually(f"{count} x {task}{args}", look, seconds)

    def row(self, query: str) -> Any:
        """Return the first column of the first row in the project's database."""
        rows = self.environment.database.rows(query)
        return rows and rows[0][0]

    def shell(self, code: str) -> str:
        """Run code in a process of its own, as whoever publishes does. Returns the last line that it prints."""
        return self.environment.shell(code)

    def publish(self, *calls: str) -> None:
        """Publish by these calls, such as `note.delay("a")`, in their order."""
        self.shell("\n".join(calls))

    def allow(self, name: str) -> None:
        """Make the file that a task looks for."""
        (self.project.path / "records").mkdir(exist_ok=True)
        (self.project.path / "records" / name).touch()

    def start(self, *words: str, name: str) -> Process:
        """Start `python WORDS` with the environment of this project."""
        return self.environment.start(*words, name=name)


@dataclass
class DevServer(DevProject):
    """Hold the project under `manage.py dev`."""

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
        """Return the names of the processes in whose lines this job succeeded."""
        return {line.split("|")[0].split()[-1] for line in self.dev.lines(rf"task_succeeded .*task_id={task_id}")}

    def staff(self) -> Browser:
        """Return a browser in which somebody with all permissions is logged in."""
        name, password = STAFF
        if not self.row(f"SELECT 1 FROM users_user WHERE username = '{name}'"):  # noqa: S608  our own name
            who = ("--username", name, "--email", "boss@example.com")
            self.environment.manage("createsuperuser", "--no-input", *who, DJANGO_SUPERUSER_PASSWORD=password)
        browser = Browser(self.browser.site)
        browser.log_in(name, password)
        return browser

    def all_ready(self) -> None:
        """Wait until web, workers and beat have begun their work."""
        for pattern in READY:
            self.dev.wait_for(pattern, seconds=120)
        eventually("the web server", self._web_answers, 60)

    def change_code(self, line: str) -> None:
        """Append a line to a module of tasks, and wait until workers and beat have been started again."""
        before = {pattern: len(self.dev.lines(pattern)) for pattern in READY}
        with (self.project.path / "orders/tasks.py").open("a") as file:
            file.write(f"\n{line}\n")
        for pattern, count in before.items():
            self.dev.wait_for(pattern, count=count + 1, seconds=120)
        eventually("the web server", self._web_answers, 60)

    def _web_answers(self) -> bool:
        try:
            return bool(self.browser.json("/health/ready")["status"] == "ok")
        except (OSError, AssertionError):
            return False


@contextmanager
def dev_project(broker: str, folder: Path, variables: dict[str, str]) -> Iterator[DevProject]:
    """Make a project on SQLite; with Redis without its broker, which `manage.py dev` brings along."""
    with ExitStack() as stack:
        server = None
        if broker == "rabbitmq":
            server = stack.enter_context(running_broker(broker))
        where = server.variables if server else {"REDIS_URL": f"redis://localhost:{free_port()}/0"}
        project = make_project(folder, broker, *FLAGS[broker], policy=SHORT)
        schedule(project, "live-tick", "workload.tasks.probes.tick", TICK_SECONDS, expires=60)
        database = SQLite(project.path)
        known = {**where, "WORKLOAD_RECORD_STARTS": "1", **variables}
        environment = Environment(f"{broker} and sqlite", project, server, database, known, folder)
        try:
            yield DevProject(broker, environment)
        finally:
            environment.end_processes()


@contextmanager
def running_dev_server(broker: str, folder: Path) -> Iterator[DevServer]:
    """Run a project under `manage.py dev`, as its README says."""
    port, mail = free_port(), MailServer()
    try:
        with dev_project(broker, folder, {"EMAIL_URL": mail.url, "CELERY_REMOTE_CONTROL": "true"}) as made:
            dev = made.start("manage.py", "dev", "--port", str(port), name="dev")
            running = DevServer(broker, made.environment, dev, Browser(f"http://localhost:{port}"), mail)
            running.all_ready()
            yield running
    finally:
        mail.shutdown()
