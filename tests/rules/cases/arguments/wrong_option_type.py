# shop/jobs.py
import datetime
from datetime import timedelta

from celery import Task, shared_task
from celery.app import current_app

WAIT = timedelta(minutes=1)


@shared_task
def index(pk): ...


@shared_task(expires=timedelta(days=1))  # DJC213
def brief(pk): ...


class Converting(Task):
    def apply_async(self, *args, **options):
        return super().apply_async(*args, **options)


@shared_task(base=Converting)
def converting(pk): ...


def place(pk, minutes):
    index.apply_async((pk,), countdown=timedelta(minutes=5))  # DJC213
    index.apply_async((pk,), countdown=WAIT)  # DJC213
    index.apply_async((pk,), countdown="10")  # DJC213
    index.apply_async((pk,), expires=datetime.timedelta(minutes=5))  # DJC213
    index.apply_async((pk,), expires="60")  # DJC213
    index.apply_async((pk,), eta=60)  # DJC213
    index.apply_async((pk,), time_limit="60")  # DJC213
    index.s(pk).apply_async(countdown=WAIT)  # DJC213
    index.apply_async_on_commit((pk,), countdown=WAIT)  # DJC213
    index.apply_async((pk,), countdown=10, expires=60.5, time_limit=60)
    index.apply_async((pk,), countdown=WAIT.total_seconds())
    index.apply_async((pk,), expires="2030-01-01T00:00:00Z")
    index.apply_async((pk,), countdown=minutes)
    converting.apply_async((pk,), countdown=WAIT)
