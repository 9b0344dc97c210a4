"""Dispatch in transactions, some of which roll back, in a process of its own: `manage.py dispatch_numbers`."""

import os
import random
import signal
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import Error, connection, transaction
from kombu.exceptions import OperationalError
from workload import tasks
from workload.models import Expected


class RollBackError(Exception):
    """Say that the caller changed its mind."""


class Command(BaseCommand):
    help = "Dispatch jobs with the numbers from --first up to and without --end."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--first", type=int, required=True)
        parser.add_argument("--end", type=int, required=True)
        parser.add_argument("--rate", type=float, default=0, help="jobs in a second; 0: as fast as it goes")
        parser.add_argument("--shortest", type=float, default=0.0, help="seconds that a job takes")
        parser.add_argument("--longest", type=float, default=0.0)
        parser.add_argument("--rollbacks", type=float, default=0, help="share of transactions that roll back")
        parser.add_argument("--tasks", default="durable", help="their names, with commas; taken in turn")
        parser.add_argument("--die", action="store_true", help="be killed between the last commit and its publish")

    def handle(self, *args: Any, **options: Any) -> None:
        begun = time.monotonic()
        names = options["tasks"].split(",")
        for done, number in enumerate(range(options["first"], options["end"])):
            if options["rate"]:
                time.sleep(max(0, begun + done / options["rate"] - time.monotonic()))
            chance = random.Random(number)  # noqa: S311  no secret
            seconds = round(chance.uniform(options["shortest"], options["longest"]), 3)
            die = options["die"] and number == options["end"] - 1
            roll_back = not die and chance.random() < options["rollbacks"]
            self.dispatch(getattr(tasks, names[number % len(names)]), number, seconds, die=die, roll_back=roll_back)

    def dispatch(self, task: Any, number: int, seconds: float, *, die: bool, roll_back: bool) -> None:
        """Dispatch one job. While the database is down, try again, unless the commit turns out to have worked."""
        while True:
            try:
                if Expected.objects.filter(pk=number).exists():
                    return
                with transaction.atomic():
                    Expected.objects.create(number=number)
                    if die:  # this hook comes before the job's own, which publishes it
                        transaction.on_commit(lambda: os.kill(os.getpid(), signal.SIGKILL))
                    self.ask(task, number, seconds)
                    if roll_back:
                        raise RollBackError  # noqa: TRY301  it must leave the block
            except RollBackError:
                return
            except Error:
                connection.close()
                time.sleep(0.2)
            except OperationalError as error:  # the broker took it not, and the transaction is rolled back
                self.stdout.write(f"refused {number}: {error}")
                return
            else:
                return

    def ask(self, task: Any, number: int, seconds: float) -> None:
        if task is tasks.plain:
            transaction.on_commit(lambda: self.publish_plain(number, seconds))
        else:
            ask = task.enqueue if hasattr(task, "enqueue") else task.delay
            ask(number, seconds)

    def publish_plain(self, number: int, seconds: float) -> None:
        try:
            tasks.plain.delay(number, seconds)
        except Exception as error:  # noqa: BLE001  whatever it is, the caller was told
            self.stdout.write(f"refused {number}: {error}")
