# project/settings.py
CELERY_BROKER_URL = "amqp://localhost"

# shop/tasks.py
from celery import shared_task


@shared_task
def remind(pk): ...


def place(pk):
    remind.apply_async(args=[pk], countdown=3600)  # DJC511
    remind.apply_async(args=[pk], countdown=60)
