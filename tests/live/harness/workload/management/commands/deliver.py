"""Deliver every job of `once` in this process, as one worker of several that all got the same messages."""

import json
import time
from pathlib import Path

from celery import current_app
from django.core.management.base import BaseCommand

from djcelery_jobs.models import Job


class Command(BaseCommand):
    def add_arguments(self, parser):
        parser.add_argument("go", type=Path, help="begins when this file is there")

    def handle(self, go: Path, **options):
        jobs = list(Job.objects.order_by("pk"))
        with Path(f"{go}-ready").open("a") as ready:
            ready.write(".")
        while not go.exists():
            time.sleep(0.001)
        for job in jobs:
            deliver(job)
        self.stdout.write(json.dumps(len(jobs)))


def deliver(job: Job) -> None:
    task = current_app.tasks[job.task]
    task.push_request(id=str(job.pk), called_directly=False, delivery_info={})
    try:
        task(*job.args)
    finally:
        task.pop_request()
