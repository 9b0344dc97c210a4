"""`manage.py dev`: everything this project needs, on this machine, until Ctrl-C."""

import os
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from celery import current_app
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from djcelery_jobs.brokers.local_broker import NoBrokerError, is_local, local_broker

# Commands that make the database ready, unless the settings name others in DEV_PREPARE. All can run again and again.
PREPARE = ["migrate"]


class Command(BaseCommand):
    help = "Run the web server, a worker for each workload class, beat and, if need be, a broker. Ctrl-C ends them all."
    requires_system_checks: Sequence[str] = []  # the processes that it starts check themselves

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="port of the web server (default: %(default)s)")
        parser.add_argument("--no-reload", action="store_true", help="do not restart when code changes")
        parser.add_argument("--allow-remote", action="store_true", help="use a broker or database on another machine")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["allow_remote"]:
            refuse_remote_servers()
        try:
            with local_broker(settings.CELERY_BROKER_URL, Path(settings.BASE_DIR) / ".dev" / "broker") as what:
                self.stdout.write(what)
                self.prepare()
                self.stdout.write(f"Open http://localhost:{options['port']}/ in a moment. Ctrl-C ends everything.")
                code = run(processes(options["port"], reload=not options["no_reload"]))
        except NoBrokerError as error:
            raise CommandError(str(error)) from error
        if code not in (0, 128 + signal.SIGINT, 128 + signal.SIGTERM):
            raise CommandError("One of the processes ended by itself, so all were ended. Its last lines say why.")

    def prepare(self) -> None:
        for command in getattr(settings, "DEV_PREPARE", PREPARE):
            call_command(command, verbosity=0, interactive=False) if command == "migrate" else call_command(command)
        connections.close_all()


def refuse_remote_servers() -> None:
    """A laptop's workers must not eat the jobs of production. Raises CommandError that names the server."""
    brokers = [("broker", urlsplit(url).hostname) for url in settings.CELERY_BROKER_URL.split(";")]
    for kind, host in [*brokers, ("database", settings.DATABASES["default"].get("HOST"))]:
        if not is_local(host):
            raise CommandError(
                f"The {kind} is on {host}, which is not this machine: your workers would take its jobs. "
                "Correct the environment or .env, or say --allow-remote."
            )


def processes(port: int, *, reload: bool) -> dict[str, list[str]]:
    """Name and command of each process. Workers run one job at a time here: a laptop is no server."""
    manage = [sys.executable, "manage.py"]
    commands = {"web": [*manage, "runserver", str(port), *([] if reload else ["--noreload"])]}
    background = {f"worker-{name}": [*manage, "worker", name, "--concurrency", "1"] for name in settings.WORKLOADS}
    background["beat"] = [sys.executable, "-m", "celery", "-A", current_app.main, "beat", "-l", "INFO"]
    return commands | {name: _reloading(c) if reload else c for name, c in background.items()}


def _reloading(command: list[str]) -> list[str]:
    packages = [str(path.parent) for path in Path(settings.BASE_DIR).glob("*/__init__.py")]
    watch = [sys.executable, "-m", "watchfiles", "--filter", "python", "--verbosity", "warning"]
    return [*watch, shlex.join(command), *packages]


def run(commands: dict[str, list[str]]) -> int:
    """Run the commands side by side until one ends or a signal comes. Returns the exit code of the first."""
    try:
        from honcho.manager import Manager
        from honcho.printer import Printer
    except ImportError as error:
        raise CommandError("honcho is missing. Install the development tools: pip install -e '.[dev]'") from error
    manager = Manager(Printer(sys.stdout, colour="NO_COLOR" not in os.environ))
    for name, command in commands.items():
        manager.add_process(name, shlex.join(command), cwd=str(settings.BASE_DIR))
    if hasattr(signal, "SIGHUP"):  # the terminal was closed
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    manager.loop()
    return manager.returncode or 0
