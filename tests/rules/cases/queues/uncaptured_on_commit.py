# shop/tasks.py
from celery import shared_task


@shared_task
def index(pk): ...


# shop/orders.py
from shop.tasks import index


def place(pk):
    index.delay(pk)
    index.delay_on_commit(pk)  # DJC812
    index.delay_on_commit(pk)


# tests/test_orders.py
from django.test import TestCase
