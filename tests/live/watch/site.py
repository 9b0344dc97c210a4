"""Run a site whose line to the broker can be cut, with all workers, beat and mail, and Chromium to look at it."""

from __future__ import annotations

import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Page, sync_playwright

from tests.live.harness.browser import Browser
from tests.live.harness.environment import Environment, running_environment
from tests.live.harness.mail import MailServer
from tests.live.harness.processes import eventually
from tests.live.harness.project import CLASSES, SHORT, Policy
from tests.live.harness.proxy import Proxy, through
from tests.ports import free_port

STAFF = ("boss", "only-for-tests")
QUIET = ("--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync", "--no-first-run")
SEES = "--force-color-profile=srgb"
PATIENCE = 60_000  # milliseconds
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@dataclass
class WatchedSite:
    """Hold the site, and a browser in which somebody may look at its jobs."""

    environment: Environment
    line: Proxy
    mail: MailServer
    site: str
    chromium: Chromium
    complaints: list[str] = field(default_factory=list)
    context: BrowserContext | None = None

    @contextmanager
    def fresh(self) -> Iterator[None]:
        """Begin with no job and no complaint, and close the browser at the end."""
        self.environment.clear()
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
        """Open a tab of a browser of its own, in which this person has logged in."""
        if self.context:
            self.context.close()
        self.context = self.chromium.new_context(**{"viewport": WIDE, **options})
        self.context.set_default_timeout(PATIENCE)
        page = self.context.new_page()
        page.on("console", lambda message: self._complain(message.type, message.text))
        page.on("pageerror", lambda error: self._complain("error", str(error)))
        page.goto(f"{self.site}/admin/login/?next=/admin/djcelery_jobs/overview/")
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
        self.environment.wait_until_finished()

    def staff(self, name: str, *permissions: str) -> None:
        """Create a member of the staff who may do this and nothing else."""
        self.environment.manage(
            "shell",
            "-c",
            "from django.contrib.auth.models import Permission; from users.models import User\n"
            f"user = User.objects.create_user({name!r}, password={STAFF[1]!r}, is_staff=True)\n"
            f"user.user_permissions.set(Permission.objects.filter(codename__in={list(permissions)!r}))",
        )


@contextmanager
def watched_site(broker: str, policy: Policy = SHORT) -> Iterator[WatchedSite]:
    port, mail = free_port(), MailServer()
    with running_environment(
        broker, "postgres", policy=policy, DJANGO_ALLOWED_HOSTS="localhost", EMAIL_URL=mail.url
    ) as environment:
        line = Proxy(environment.broker.port)
        environment.variables |= through(line, environment.broker.port, environment.broker.variables)
        try:
            _start(environment, port)
            with sync_playwright() as playwright:
                path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
                assert path, "Chromium is not installed (Debian: apt-get install chromium)"
                # Its sandbox does not run as root, and what it looks at is our own.
                chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", SEES, *QUIET])
                yield WatchedSite(environment, line, mail, f"http://localhost:{port}", chromium)
        finally:
            environment.end_processes()
            line.close()
            mail.shutdown()


def _start(environment: Environment, port: int) -> None:
    name, password = STAFF
    who = ("--username", name, "--email", "boss@example.com")
    environment.manage("seed")
    environment.manage("collectstatic", "--no-input", "-v", "0")
    environment.manage("createsuperuser", "--no-input", *who, DJANGO_SUPERUSER_PASSWORD=password)
    workers = [environment.worker(name, ready="") for name in CLASSES]
    environment.beat(ready="")
    environment.web(port, "--workers", "2", "--threads", "4")
    for worker in workers:  # all at the same time, since each takes its seconds
        worker.wait_for(r" ready\.", seconds=120)
    eventually("the web server", lambda: _ready(port))


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://localhost:{port}/health/ready", timeout=10) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False
