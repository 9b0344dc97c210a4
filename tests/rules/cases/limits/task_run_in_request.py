# shop/tasks.py
from celery import shared_task


@shared_task
def price(pk): ...


def plain(pk): ...


# shop/views.py
from shop import tasks
from shop.tasks import plain, price


def show(request, pk):
    price.apply(args=[pk])  # DJC508
    price(pk)  # DJC508
    tasks.price(pk)  # DJC508
    plain(pk)
    price.delay(pk)


def helper(pk):
    price(pk)
