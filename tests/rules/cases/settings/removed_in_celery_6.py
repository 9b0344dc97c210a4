# project/settings.py
CELERY_BROKER_CONNECTION_RETRY = False  # DJC715
CELERY_TASK_ACKS_ON_FAILURE_OR_TIMEOUT = False  # DJC715

# shop/tasks.py
from celery import shared_task
from celery.result import AsyncResult


@shared_task(queue="slow")  # DJC715
def index(pk=None): ...


@shared_task(priority=3)  # DJC715
def urgent(pk): ...


@shared_task(acks_on_failure_or_timeout=False)  # DJC715
def kept(pk): ...


@shared_task(acks_late=True)
def plain(pk): ...


def look(task_id):
    AsyncResult(task_id).wait()  # DJC715
    AsyncResult(task_id).get()
    index.apply_async((1,), queue="slow")
