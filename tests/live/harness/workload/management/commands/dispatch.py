"""Dispatch COUNT jobs of `once` in one transaction, and say what that took."""

import json
import time

from django.core.management.base import BaseCommand
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from workload.tasks import once


class Command(BaseCommand):
    def add_arguments(self, parser):
        parser.add_argument("count", type=int)
        parser.add_argument("--unpublished", action="store_true", help="as if killed between commit and publish")
        parser.add_argument("--rolled-back", action="store_true", help="each in a transaction that rolls back")

    def handle(self, count: int, unpublished: bool, rolled_back: bool, **options):
        if rolled_back:
            for number in range(count):
                roll_back(number)
            self.stdout.write(json.dumps(count))
            return
        begun = time.perf_counter()
        with CaptureQueriesContext(connection) as queries, transaction.atomic():
            once.apply_async_many([(number,) for number in range(count)])
            written = time.perf_counter()
            if unpublished:
                connection.run_on_commit.clear()
        taken = {"write": written - begun, "publish": time.perf_counter() - written, "statements": len(queries)}
        self.stdout.write(json.dumps(taken))


def roll_back(number: int) -> None:
    """Roll back in each of the ways in which code does."""
    if number % 3 == 0:
        with transaction.atomic():
            once.delay_on_commit(number)
            transaction.set_rollback(True)
    elif number % 3 == 1:
        try:
            with transaction.atomic():
                once.delay(number)
                raise ZeroDivisionError  # noqa: TRY301  this is what is tested
        except ZeroDivisionError:
            pass
    else:
        with transaction.atomic(), transaction.atomic():  # a part of one that commits
            once.apply_async([number], key=f"key {number}")
            transaction.set_rollback(True)
