"""Run a project in production settings, and read back its log lines, reports and traces."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.live.harness.environment import Environment, running_environment
from tests.live.harness.mail import MailServer
from tests.live.harness.processes import eventually, whole_lines
from tests.live.harness.project import schedule
from tests.live.logs.receivers import Collector, Sentry
from tests.ports import free_port

QUEUES = "fast,slow,email,report"
MINUTE = "every-minute"  # the entry of the schedule
# So that beat need not wait for the minute to be over.
DUE = (
    "from datetime import timedelta; from django.utils import timezone; from djcelery_jobs.models import ScheduleState;"
    "ScheduleState.objects.create(entry='every-minute', last_run_at=timezone.now() - timedelta(hours=1))"
)


@dataclass
class LogSite:
    """Hold the project, and the servers that it reports to."""

    environment: Environment
    port: int
    pool: str
    mail: MailServer
    sentry: Sentry
    collector: Collector

    def get(self, path: str) -> str:
        """Get a page. Returns the id of the request, which the answer says."""
        return self._open(urllib.request.Request(f"http://127.0.0.1:{self.port}{path}"))

    def order(self, email: str) -> str:
        """Place an order. Returns the id of the request."""
        body = json.dumps({"product": "TEA-01", "quantity": 1, "email": email}).encode()
        return self._open(urllib.request.Request(f"http://127.0.0.1:{self.port}/api/orders", body))

    def _open(self, request: urllib.request.Request) -> str:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return str(answer.headers["X-Request-ID"])
        except urllib.error.HTTPError as error:
            return str(error.headers["X-Request-ID"])

    def lines(self, text: str = "") -> list[dict[str, Any]]:
        """Return what `grep TEXT` finds in all logs, each line with the name of its process, in the order of time."""
        found = [
            {"process": process.log.stem, **json.loads(line)}
            for process in self.environment.processes
            for line in whole_lines(process.log)
            if line.startswith("{") and text in line
        ]
        return sorted(found, key=lambda line: line["timestamp"])

    def wait_for(self, event: str, text: str, count: int = 1, **names: Any) -> list[dict[str, Any]]:
        """Wait until lines of this event, with these names, stand in the log."""

        def look() -> list[dict[str, Any]]:
            found = [line for line in self.lines(text) if line["event"] == event and names.items() <= line.items()]
            return found if len(found) >= count else []

        return eventually(f"{count} x {event} {names} in {text}", look, 60)

    def lines_of_jobs(self) -> list[tuple[str, dict[str, Any]]]:
        """Return each line that was written in a thread that ran a job, with the id of that job."""
        pairs = [line.partition(" ") for line in whole_lines(self.environment.project.path / "witness.log")]
        return [(job, json.loads(line)) for job, _, line in pairs]


@contextmanager
def running_log_site(broker: str, pool: str) -> Iterator[LogSite]:
    """Run a web server, one worker for all queues and beat, which report to servers of ours."""
    mail, sentry, collector = MailServer(), Sentry(), Collector()
    variables = {
        "EMAIL_URL": mail.url,
        "SENTRY_DSN": sentry.dsn,
        "SENTRY_RELEASE": "shop@1.2.3",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "WORKLOAD_WITNESS": "1",
    }
    try:
        with running_environment(broker, "postgres", "--sentry", **variables) as environment:
            _add_schedule(environment)
            made = LogSite(environment, free_port(), pool, mail, sentry, collector)
            _start(made)
            yield made
    finally:
        for server in (mail, sentry, collector):
            server.shutdown()


def _add_schedule(environment: Environment) -> None:
    schedule(environment.project, MINUTE, "workload.tasks.logged.from_beat", 60, expires=30)
    environment.manage("seed")
    environment.manage("shell", "-c", DUE)


def _start(made: LogSite) -> None:
    made.environment.web(made.port, "--workers", "1", "--threads", "4")
    worker = ("-m", "celery", "-A", "shop", "worker", "-P", made.pool, "-c", "2", "-Q", QUEUES, "-n", "all@%h")
    made.environment.start(*worker, name="worker", ready=r" ready\.")
    made.environment.beat()
    eventually("the web server", lambda: made.get("/health/live") != "None", 60)
