"""`manage.py dev`: run everything that this project needs on this machine, until Ctrl-C."""

import os
import secrets
import shlex
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldError, ValidationError
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connections
from django.urls import NoReverseMatch, reverse

from djcelery_jobs.brokers.local_broker import NoBrokerError, is_local, local_broker
from djcelery_jobs.management.app_path import app_path
from djcelery_jobs.management.tracebacks import TracebackFilter
from djcelery_jobs.telemetry import colours

# The commands that prepare the database, unless DEV_PREPARE in the settings names others. They run at every start.
PREPARE = ["migrate"]

# What a process of each kind prints when it is ready. Where the addresses are not printed after that, since a project
# logs otherwise, they are printed after some seconds.
READY = {"web": "Quit the server with ", "worker": " ready.", "beat": "beat: Starting"}
READY_SECONDS = 60
# Lines of runserver that say nothing: the last lines tell how to stop, and the next line what the checks found.
LEFT_OUT = ("Quit the server with ", "Performing system checks")

# What says nothing new on a laptop: that runserver is not for production, and that a worker runs as root (a container).
QUIET = {
    "DJANGO_RUNSERVER_HIDE_WARNING": "true",
    "PYTHONWARNINGS": ",".join(
        filter(None, [os.environ.get("PYTHONWARNINGS"), "ignore:You're running the worker with superuser privileges"])
    ),
}


class Command(BaseCommand):
    help = "Run the web server, a worker for each workload class, beat and, if necessary, a broker. Ctrl-C ends all."
    requires_system_checks: Sequence[str] = []  # the processes that it starts run the checks

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="port of the web server (default: %(default)s)")
        parser.add_argument("--no-reload", action="store_true", help="do not restart the processes when code changes")
        parser.add_argument("--allow-remote", action="store_true", help="allow a broker or database on another machine")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["allow_remote"]:
            refuse_remote_servers()
        try:
            with local_broker(settings.CELERY_BROKER_URL, Path(settings.BASE_DIR) / ".dev" / "broker") as message:
                self.stdout.write(message)
                login = self.prepare()
                pages = addresses(options["port"])
                code = run(processes(options["port"], reload=not options["no_reload"]), [*pages, *login])
        except NoBrokerError as error:
            raise CommandError(str(error)) from error
        if code not in (0, 128 + signal.SIGINT, 128 + signal.SIGTERM):
            raise CommandError("One of the processes ended by itself, so all were stopped. Its last lines say why.")

    def prepare(self) -> list[str]:
        """Prepare the database, and return the line that says how to log in."""
        for command in getattr(settings, "DEV_PREPARE", PREPARE):
            call_command(command, verbosity=0, interactive=False) if command == "migrate" else call_command(command)
        login = create_first_admin() or describe_login()
        connections.close_all()
        return [login] if has_admin() else []


def has_admin() -> bool:
    """Return whether the project's URLs lead to the admin."""
    with suppress(NoReverseMatch):
        return bool(reverse("admin:index"))
    return False


def describe_login() -> str:
    """Return the line that says with which user somebody can log in to the admin, or how to create one."""
    users = get_user_model()
    try:
        admin = users._default_manager.filter(is_superuser=True, is_active=True).order_by("pk").first()
    except (DatabaseError, FieldError):
        admin = None  # the project's own kind of user
    if admin is None:
        return "To log in, create a user: python manage.py createsuperuser"
    name = admin.get_username()
    return f"Log in as {name}. To set another password: python manage.py changepassword {shlex.quote(name)}"


def create_first_admin() -> str:
    """Create a user for the admin in a development database that has no user yet. Return the login, or ""."""
    users = get_user_model()
    if not settings.DEBUG or not has_admin() or users._default_manager.exists():
        return ""
    password = secrets.token_urlsafe(12)
    fields = {name: "admin@example.com" if "mail" in name else "admin" for name in users.REQUIRED_FIELDS}
    fields[users.USERNAME_FIELD] = "admin@example.com" if "mail" in users.USERNAME_FIELD else "admin"
    try:
        users._default_manager.create_superuser(**fields, password=password)
    except (AttributeError, DatabaseError, TypeError, ValidationError, ValueError):
        return ""  # the project's own kind of user needs more than this
    return f"Log in as {fields[users.USERNAME_FIELD]} with the password {password} (a new user, shown only once)."


def addresses(port: int) -> list[str]:
    """Return a line for each page that somebody may want to open."""
    site = f"http://localhost:{port}"
    lines = [f"Open {site}/. Ctrl-C stops everything."]
    for title, name in (("Admin", "admin:index"), ("Jobs", "admin:djcelery_jobs_overview_changelist")):
        with suppress(NoReverseMatch):  # a project may do without the admin
            lines.append(f"{title}: {site}{reverse(name)}")
    return lines


def refuse_remote_servers() -> None:
    """Raise CommandError for a server on another machine: these workers must not take the jobs of production."""
    brokers = [("broker", urlsplit(url).hostname) for url in settings.CELERY_BROKER_URL.split(";")]
    for kind, host in [*brokers, ("database", settings.DATABASES["default"].get("HOST"))]:
        if not is_local(host):
            raise CommandError(
                f"The {kind} is on {host}, which is not this machine. Your workers would take its jobs. "
                "Correct the environment or .env, or pass --allow-remote."
            )


def processes(port: int, *, reload: bool) -> dict[str, list[str]]:
    """Return the command of each process by name. Each worker runs one job at a time, to be light on a laptop."""
    manage = [sys.executable, "manage.py"]
    commands = {"web": [*manage, "runserver", str(port), *([] if reload else ["--noreload"])]}
    worker = [*manage, "worker", "--verbosity", "0", "--concurrency", "1"]
    background = {f"worker-{name}": [*worker, name] for name in settings.WORKLOADS}
    background["beat"] = [sys.executable, "-m", "celery", "-A", app_path(), "--quiet", "beat", "-l", "INFO"]
    return commands | {name: _reloading(c) if reload else c for name, c in background.items()}


def _reloading(command: list[str]) -> list[str]:
    packages = [str(path.parent) for path in Path(settings.BASE_DIR).glob("*/__init__.py")]
    watch = [sys.executable, "-m", "watchfiles", "--filter", "python", "--verbosity", "warning"]
    return [*watch, shlex.join(command), *packages]


def run(commands: dict[str, list[str]], last_lines: Sequence[str] = ()) -> int:
    """Run the commands side by side until one ends or a signal comes. Return the exit code of the first to end.

    Once all are ready, print `last_lines`, so that they are the last ones that somebody sees.
    """
    try:
        from honcho.manager import SYSTEM_PRINTER_NAME, Manager
        from honcho.printer import Message, Printer
    except ImportError as error:
        raise CommandError("honcho is missing. Install the development tools: pip install -e '.[dev]'") from error

    has_colours = colours.are_wanted(sys.stdout)

    class DensePrinter(Printer):
        """Leave out empty lines, and what other lines say: that processes start, how to stop them, and tracebacks."""

        waiting = set(commands)
        lines = list(last_lines)
        tracebacks = TracebackFilter()
        # Each process writes to a pipe, so it does not colour its lines itself.
        finished = staticmethod(colours.with_coloured_level if has_colours else str)

        def write(self, message: Message) -> None:
            """Print what is said, and end everything when nobody reads it any more, such as `tee` after Ctrl-C."""
            try:
                self.write_lines(message)
            except BrokenPipeError:
                os.dup2(os.open(os.devnull, os.O_WRONLY), self.output.fileno())
                manager.returncode = manager.returncode or 128 + signal.SIGTERM
                manager.terminate()

        def write_lines(self, message: Message) -> None:
            text = message.data.decode("utf-8", "replace") if isinstance(message.data, bytes) else message.data
            if message.name == SYSTEM_PRINTER_NAME:
                for line in self.tracebacks.flush(text.partition(" stopped (rc=")[0]):
                    super().write(message._replace(data=line))
                if " started (pid=" not in text:
                    super().write(message)
                return
            for line in text.splitlines():
                for shown in self.tracebacks.feed(message.name, line):
                    if shown.strip() and not shown.startswith(LEFT_OUT):
                        super().write(message._replace(data=self.finished(shown)))
            if message.name in self.waiting and READY[message.name.partition("-")[0]] in text:
                self.waiting.discard(message.name)
                if not self.waiting:
                    self.write_last_lines()

        def write_last_lines(self) -> None:
            lines, self.lines = self.lines, []
            if lines:
                print("", *lines, "", sep="\n", file=self.output, flush=True)

    # No time of day: the lines of the log have one.
    printer = DensePrinter(sys.stdout, time_format="", colour=has_colours)
    manager = Manager(printer)
    for name, command in commands.items():
        manager.add_process(name, shlex.join(command), cwd=str(settings.BASE_DIR), env={**os.environ, **QUIET})
    if hasattr(signal, "SIGHUP"):  # the terminal was closed
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    late = threading.Timer(READY_SECONDS, printer.write_last_lines)
    late.daemon = True
    late.start()
    try:
        manager.loop()
    finally:
        late.cancel()
    return manager.returncode or 0
