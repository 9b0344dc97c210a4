from functools import partial

from celery import shared_task
from django.db import transaction
from django.db.transaction import on_commit


@shared_task
def index(pk): ...


def place(order, make_callback):
    transaction.on_commit(index.delay(order.pk))  # DJC106
    on_commit(index.apply_async((order.pk,)))  # DJC106
    on_commit(lambda: index.delay(order.pk))
    on_commit(partial(index.delay, order.pk))
    on_commit(make_callback(order))
    on_commit(index.delay)
    on_commit(index.s(order.pk).delay)
