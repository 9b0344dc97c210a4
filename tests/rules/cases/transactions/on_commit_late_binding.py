from functools import partial

from celery import shared_task
from django.db import transaction


@shared_task
def index(pk): ...


def place(orders, fixed):
    for order in orders:
        transaction.on_commit(lambda: index.delay(order.pk))  # DJC107
        transaction.on_commit(lambda order=order: index.delay(order.pk))
        transaction.on_commit(partial(index.delay, order.pk))
        transaction.on_commit(lambda: index.delay(fixed))
    for number, order in enumerate(orders):
        if order:
            transaction.on_commit(lambda: index.delay(number))  # DJC107
    for order in orders:
        with transaction.atomic():
            transaction.on_commit(lambda: index.delay(order.pk))
    transaction.on_commit(lambda: [index.delay(order.pk) for order in orders])
