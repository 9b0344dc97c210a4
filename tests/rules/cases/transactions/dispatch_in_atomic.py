# shop/jobs.py
from celery import shared_task


@shared_task
def reserve(order_id): ...


@shared_task(bind=True)
def ship(self, order_id): ...


@shared_task(base=elsewhere.Unseen)
def pack(order_id): ...


# shop/orders.py
from functools import partial

from celery import chain, group
from django.db import transaction
from django.db.transaction import atomic, on_commit
from django.utils.decorators import method_decorator

from shop import jobs
from shop.jobs import reserve, ship as send_off


def plain(order):
    with transaction.atomic():
        reserve.delay(order.pk)  # DJC101
        jobs.ship.apply_async(args=[order.pk])  # DJC101
        send_off.delay(order.pk)  # DJC101
    reserve.delay(order.pk)


@transaction.atomic
def decorated(order):
    if order:
        for each in order:
            reserve.delay(each)  # DJC101


@atomic(using="default")
def with_alias(order):
    reserve.s(order.pk).delay()  # DJC101
    reserve.s(order.pk)
    chain(reserve.s(1), reserve.si(2)).apply_async()  # DJC101
    group([reserve.s(1)]).delay()  # DJC101


class Views:
    @method_decorator(transaction.atomic)
    def post(self, request):
        reserve.delay(1)  # DJC101

    @transaction.atomic()
    def put(self, request):
        on_commit(lambda: reserve.delay(1))
        transaction.on_commit(partial(reserve.delay, 1))
        reserve.delay_on_commit(2)

        def later():
            reserve.delay(3)

        transaction.on_commit(later)

    def get(self, request):
        with transaction.atomic():
            pass
        reserve.delay(4)


def callbacks(timer):
    with atomic():

        def inner():
            reserve.delay(1)

        timer.delay(5)
        timer.start(lambda: reserve.delay(1))


def pay(order):
    with atomic():
        jobs.pack.delay(order.pk)  # DJC101


def after_the_commit():
    reserve.delay(1)
    with atomic():
        reserve.delay(2)  # DJC101


def close(order):
    transaction.on_commit(after_the_commit)


class Delay:
    def delay(self, seconds): ...


def not_celery(order):
    with transaction.atomic():
        Delay().delay(3)
        order.delay(5)
