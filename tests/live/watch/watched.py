"""A shop whose jobs are watched: web server, workers, beat and mail behind a line to the broker, and Chromium."""

from __future__ import annotations

import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from browser import Browser
from ground import Ground, ground
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Page, sync_playwright
from processes import eventually
from proxy import Proxy
from servers import MailServer, free_port
from shop import CLASSES, STAFF

QUIET = ("--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync", "--no-first-run")
SEES = "--force-color-profile=srgb"
PATIENCE = 60_000  # milliseconds
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@dataclass
class Watched:
    """The shop, and a browser in which somebody may look at its jobs."""

    place: Ground
    line: Proxy
    mail: MailServer
    site: str
    chromium: Chromium
    complaints: list[str] = field(default_factory=list)
    context: BrowserContext | None = None

    @contextmanager
    def fresh(self) -> Iterator[None]:
        self.complaints.clear()
        try:
            yield
        finally:
            self.mail.misbehave.clear()
            self.mail.release()
            if self.context:
                self.context.close()
                self.context = None

    def page(self, name: str = STAFF[0], **options: object) -> Page:
        """A tab of a browser of its own, in which this person has logged in."""
        if self.context:
            self.context.close()
        self.context = self.chromium.new_context(**{"viewport": WIDE, **options})
        self.context.set_default_timeout(PATIENCE)
        page = self.context.new_page()
        page.on("console", lambda message: self._complain(message.type, message.text))
        page.on("pageerror", lambda error: self._complain("error", str(error)))
        page.goto(f"{self.site}/admin/login/?next=/admin/djcelery_jobs/watch/")
        page.fill("#id_username", name)
        page.fill("#id_password", STAFF[1])
        page.click("#login-form [type=submit]")
        return page

    def _complain(self, kind: str, text: str) -> None:
        # Chromium asks each site for an icon, which the admin does not have; and 403 is what a test may want to see.
        if kind in ("error", "warning") and "status of 40" not in text:
            self.complaints.append(text)

    def order(self, email: str) -> str:
        """Place an order over HTTP and return its id."""
        answer = Browser(self.site).json("/api/orders", {"product": "TEA-01", "quantity": 1, "email": email})
        return str(answer["id"])

    def finished(self) -> None:
        """Wait until no job is left to do."""
        eventually("all jobs are done", lambda: not self.place.unfinished(), otherwise=self.place.story)

    def staff(self, name: str, *permissions: str) -> None:
        """Somebody of the staff who may do this and nothing else."""
        self.place.project.manage(
            "shell",
            "-c",
            "from django.contrib.auth.models import Permission; from users.models import User\n"
            f"user = User.objects.create_user({name!r}, password={STAFF[1]!r}, is_staff=True)\n"
            f"user.user_permissions.set(Permission.objects.filter(codename__in={list(permissions)!r}))",
            **self.place.variables,
        )


@contextmanager
def watched(broker: str) -> Iterator[Watched]:
    port, mail = free_port(), MailServer()
    with ground(broker, "postgres", DJANGO_ALLOWED_HOSTS="localhost", EMAIL_URL=mail.url) as place:
        line = Proxy(place.broker.port)
        place.variables |= {
            name: url.replace(str(place.broker.port), str(line.port)) for name, url in place.broker.variables.items()
        }
        try:
            _start(place, port)
            with sync_playwright() as playwright:
                path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
                assert path, "Chromium is not installed (Debian: apt-get install chromium)"
                # Its sandbox does not run as root, and what it looks at is our own.
                chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", SEES, *QUIET])
                yield Watched(place, line, mail, f"http://localhost:{port}", chromium)
        finally:
            for process in place.processes:
                process.end()
            line.close()
            mail.shutdown()


def _start(place: Ground, port: int) -> None:
    name, password = STAFF
    who = ("--username", name, "--email", "boss@example.com")
    place.project.manage("seed", **place.variables)
    place.project.manage("collectstatic", "--no-input", "-v", "0", **place.variables)
    place.project.manage("createsuperuser", "--no-input", *who, **place.variables, DJANGO_SUPERUSER_PASSWORD=password)
    bind = ("--bind", f"127.0.0.1:{port}", "--workers", "2", "--threads", "4")
    started = [place.start("manage.py", "worker", name, name=f"worker-{name}") for name in CLASSES]
    place.start("-m", "celery", "-A", "shop", "beat", "-l", "INFO", name="beat")
    place.start("-m", "gunicorn", "shop.wsgi", *bind, name="web")
    for worker in started:  # all at the same time, since each takes its seconds
        worker.wait_for(r" ready\.", seconds=120)
    eventually("the web server", lambda: _ready(port))


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://localhost:{port}/health/ready", timeout=10) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False
