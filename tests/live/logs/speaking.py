"""A project in production settings whose lines, reports and traces are read back."""

from __future__ import annotations

import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ground import Ground, ground
from processes import eventually
from receivers import Collector, Sentry
from servers import MailServer, free_port
from shop import edit

TOLD = Path(__file__).parent / "told"
QUEUES = "fast,slow,email,report"
TASKS = ("first", "second", "kept", "caused", "from_beat", "fail", "fail_after_a_retry")
MINUTE = '    "told-minute": {"task": "told.tasks.from_beat", "schedule": 60, "options": {"expires": 30}},\n'
# So that beat need not wait for the minute to be over.
DUE = (
    "from datetime import timedelta; from django.utils import timezone; from djcelery_jobs.models import ScheduleState;"
    "ScheduleState.objects.create(entry='told-minute', last_run_at=timezone.now() - timedelta(hours=1))"
)


@dataclass
class Speaking:
    """The project, and what it reports to."""

    place: Ground
    port: int
    pool: str
    mail: MailServer
    sentry: Sentry
    collector: Collector

    def get(self, path: str) -> str:
        """Ask for a page. Returns the id of the request, as the answer tells it."""
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
        """What `grep TEXT` finds in all logs, each line with the name of its process, in the order of time."""
        found = [
            {"process": process.log.stem, **json.loads(line)}
            for process in self.place.processes
            for line in process.text.splitlines()
            if line.startswith("{") and text in line
        ]
        return sorted(found, key=lambda line: line["timestamp"])

    def wait_for(self, event: str, text: str, count: int = 1, **names: Any) -> list[dict[str, Any]]:
        """Wait until lines of this event, with these names, stand in the log."""

        def look() -> list[dict[str, Any]]:
            found = [each for each in self.lines(text) if each["event"] == event and names.items() <= each.items()]
            return found if len(found) >= count else []

        return eventually(f"{count} x {event} {names} in {text}", look, 60)

    def witnessed(self) -> list[tuple[str, dict[str, Any]]]:
        """Each line that was written in a thread that ran a job, with the id of that job."""
        log = self.place.project.path / "witness.log"
        pairs = [line.partition(" ") for line in log.read_text().splitlines()]
        return [(job, json.loads(line)) for job, _, line in pairs]


@contextmanager
def speaking(broker: str, pool: str) -> Iterator[Speaking]:
    mail, sentry, collector = MailServer(), Sentry(), Collector()
    variables = {
        "EMAIL_URL": mail.url,
        "SENTRY_DSN": sentry.dsn,
        "SENTRY_RELEASE": "shop@1.2.3",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }
    try:
        with ground(broker, "postgres", "--sentry", **variables) as place:
            _add_told(place)
            made = Speaking(place, free_port(), pool, mail, sentry, collector)
            _start(made)
            yield made
    finally:
        for server in (mail, sentry, collector):
            server.shutdown()


def _add_told(place: Ground) -> None:
    path = place.project.path
    shutil.copytree(TOLD, path / "told", ignore=shutil.ignore_patterns("__pycache__"))
    edit(path / "shop/settings/base.py", '    "measured",\n', '    "measured",\n    "told",\n')
    edit(path / "shop/urls.py", "urlpatterns = [\n", 'urlpatterns = [\n    path("told/", include("told.urls")),\n')
    routes = "".join(f'    "told.tasks.{task}": "fast",\n' for task in TASKS)
    edit(path / "shop/settings/jobs.py", "\nROUTES = {\n", f"\nROUTES = {{\n{routes}")
    edit(path / "shop/settings/jobs.py", "\nCELERY_BEAT_SCHEDULE = {\n", f"\nCELERY_BEAT_SCHEDULE = {{\n{MINUTE}")
    place.project.manage("seed", **place.variables)
    place.project.manage("shell", "-c", DUE, **place.variables)


def _start(made: Speaking) -> None:
    bind = ("--bind", f"127.0.0.1:{made.port}", "--workers", "1", "--threads", "4")
    made.place.start("-m", "gunicorn", "shop.wsgi", *bind, name="web", ready="Booting worker")
    worker = ("-m", "celery", "-A", "shop", "worker", "-P", made.pool, "-c", "2", "-Q", QUEUES, "-n", "all@%h")
    made.place.start(*worker, name="worker", ready=r" ready\.")
    made.place.beat()
    eventually("the web server", lambda: made.get("/health/live") != "None", 60)
