from celery import shared_task
from django.db import transaction


@shared_task
def index(pk): ...


def place(order, alias):
    with transaction.atomic(using="archive"):
        transaction.on_commit(lambda: index.delay(1))  # DJC109
        index.delay_on_commit(1)  # DJC109
        transaction.on_commit(lambda: index.delay(1), using="archive")
        transaction.on_commit(lambda: index.delay(1), "archive")
        transaction.on_commit(lambda: index.delay(1), using=alias)
    with transaction.atomic():
        transaction.on_commit(lambda: index.delay(1), using="archive")  # DJC109
        transaction.on_commit(lambda: index.delay(1))
    with transaction.atomic(using=alias):
        transaction.on_commit(lambda: index.delay(1))
    with transaction.atomic("archive"), transaction.atomic():
        transaction.on_commit(lambda: index.delay(1))
