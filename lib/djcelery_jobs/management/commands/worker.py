"""`manage.py worker NAME`: run a worker for one workload class."""

import os
import shlex
import sys
from difflib import get_close_matches
from typing import Any, NoReturn

from billiard.common import REMAP_SIGTERM  # type: ignore[import-untyped]
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from djcelery_jobs.brokers.workloads import worker_command
from djcelery_jobs.management.app_path import app_path


class Command(BaseCommand):
    help = "Run a worker for one workload class, with the settings declared in WORKLOADS."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "workload",
            metavar="NAME",
            help=f"the workload class: {', '.join(getattr(settings, 'WORKLOADS', None) or ())}",
        )
        parser.add_argument(
            "--concurrency", type=int, help="jobs to run at the same time, instead of the declared number"
        )
        parser.add_argument("--print", action="store_true", help="print the celery command and exit")

    def handle(self, *args: Any, **options: Any) -> None:
        command = self.command(options["workload"], options["concurrency"])
        if options["verbosity"] > 0 or options["print"]:
            self.stdout.write(shlex.join(["celery", *command[3:]]))
        if options["print"]:
            return
        self.stdout.flush()
        is_quiet = options["verbosity"] == 0  # no banner and no list of tasks
        # In this process, or in its place: signals reach Celery itself.
        if REMAP_SIGTERM is not None:
            run_here(command[command.index("worker") + 1 :], is_quiet)
        if is_quiet:
            command.insert(command.index("worker"), "--quiet")
        # SIGTERM starts Celery's soft shutdown: short jobs finish, long ones go back to the queue at once. This is read
        # when Celery is first imported. Where manage.py did not set it before, only another start of Python reads it.
        os.environ.setdefault("REMAP_SIGTERM", "SIGQUIT")
        os.execv(sys.executable, command)

    def command(self, name: str, concurrency: int | None) -> list[str]:
        if name not in settings.WORKLOADS:
            close = get_close_matches(name, settings.WORKLOADS, n=1)
            hint = f"Did you mean {close[0]!r}?" if close else f"Choose from: {', '.join(settings.WORKLOADS)}."
            raise CommandError(f"Unknown workload class: {name!r}. {hint}")
        command = worker_command(app_path(), name, settings.WORKLOADS[name])
        if concurrency:
            command[command.index("--concurrency") + 1] = str(concurrency)
        return command


def run_here(words: list[str], is_quiet: bool) -> NoReturn:
    """Run Celery's command `worker` with these words, and exit as it does.

    The `celery` command above it would import all the others, and with them a prompt that no worker needs.
    """
    from celery.bin.base import CLIContext
    from celery.bin.worker import worker

    os.environ["CELERY_SKIP_CHECKS"] = "true"  # the command that calls this has just run them
    # What the celery command does before it calls a command: with the options of the app, and of the environment.
    context = CLIContext(app=None, no_color=bool(os.environ.get("NO_COLOR")), workdir=None, quiet=is_quiet)
    worker.params.extend(context.app.user_options["worker"])
    worker.main(words, prog_name="celery worker", obj=context, auto_envvar_prefix="CELERY_WORKER")
    raise AssertionError("Click exits.")
