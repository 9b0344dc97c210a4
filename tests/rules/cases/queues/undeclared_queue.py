# project/settings.py
from kombu import Exchange, Queue

CELERY_TASK_DEFAULT_QUEUE = "main"
CELERY_TASK_QUEUES = (Queue("fast", Exchange("x")), Queue(name="slow"))
CELERY_TASK_ROUTES = {
    "shop.tasks.a": {"queue": "slow"},
    "shop.tasks.b": {"queue": "fats"},  # DJC802
    "shop.tasks.c": {"queue": "main"},
}

# shop/tasks.py
from celery import shared_task


@shared_task(queue="mail")  # DJC802
def a(): ...


@shared_task
def b(): ...


@shared_task
def c(): ...
