"""Publish BACKLOG long jobs, then COUNT short ones, EVERY so many seconds."""

import time

from django.core.management.base import BaseCommand
from workload.tasks import burn, quick, sleep


class Command(BaseCommand):
    def add_arguments(self, parser):
        parser.add_argument("layout")
        parser.add_argument("count", type=int)
        parser.add_argument("every", type=float)
        parser.add_argument("backlog", type=int)
        parser.add_argument("seconds", type=float)

    def handle(self, layout, count, every, backlog, seconds, **options):
        for number in range(backlog):
            (burn if number % 4 == 0 else sleep).delay(seconds)
        time.sleep(1)
        for _ in range(count):
            quick.delay(time.time(), layout)
            time.sleep(every)
