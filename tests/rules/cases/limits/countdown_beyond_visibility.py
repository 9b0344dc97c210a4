# project/settings.py
import os

CELERY_BROKER_URL = os.environ.get("BROKER", "redis://localhost")

# shop/tasks.py
from datetime import timedelta

from celery import shared_task
from django.utils import timezone

DAY = 24 * 60 * 60


@shared_task(bind=True)
def remind(self, pk):
    raise self.retry(countdown=7200)  # DJC509


def place(pk, later):
    remind.apply_async(args=[pk], countdown=DAY)  # DJC509
    remind.apply_async(args=[pk], eta=timezone.now() + timedelta(days=1))  # DJC509
    remind.apply_async(args=[pk], eta=timezone.now() + timedelta(minutes=5))
    remind.apply_async(args=[pk], countdown=60)
    remind.apply_async(args=[pk], eta=later)
    remind.apply_async(args=[pk], expires=DAY)
