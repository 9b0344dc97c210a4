import datetime as dt
from datetime import datetime, timedelta, timezone

from celery import shared_task
from django.utils import timezone as django_timezone


@shared_task
def index(pk): ...


def place(pk, when):
    index.apply_async((pk,), eta=datetime.now())  # DJC211
    index.apply_async((pk,), eta=datetime.utcnow() + timedelta(hours=1))  # DJC211
    later = dt.datetime.now() + timedelta(hours=1)
    index.apply_async((pk,), eta=later)  # DJC211
    index.apply_async((pk,), expires=datetime(2030, 1, 1))  # DJC211
    index.apply_async((pk,), eta=datetime.now(timezone.utc))
    index.apply_async((pk,), eta=datetime.now(tz=timezone.utc) + timedelta(hours=1))
    index.apply_async((pk,), eta=django_timezone.now() + timedelta(hours=1))
    index.apply_async((pk,), eta=datetime(2030, 1, 1, tzinfo=timezone.utc))
    index.apply_async((pk,), eta=when)
