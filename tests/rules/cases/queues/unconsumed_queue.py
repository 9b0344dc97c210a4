# project/settings.py
CELERY_TASK_ROUTES = {
    "shop.tasks.a": {"queue": "slow"},  # DJC801
    "shop.tasks.b": "fast",
}
CELERY_BEAT_SCHEDULE = {
    "a": {"task": "shop.tasks.a", "schedule": 5, "options": {"queue": "beat"}},  # DJC801
}

# shop/tasks.py
from celery import shared_task


@shared_task(queue="mail")  # DJC801
def a(): ...


@shared_task(queue="fast")
def b(queue):
    a.apply_async(queue="report")  # DJC801
    a.apply_async(queue=queue)
    a.delay(queue="x")


# Procfile
one: celery -A project worker -Q fast,email
two: python manage.py worker long
