from celery import shared_task
from django.db import IntegrityError, transaction

from shop.models import Order


@shared_task
def a(pk):
    with transaction.atomic():
        try:
            Order.objects.create(pk=pk)
        except Exception as error:  # DJC409
            note(error)


@shared_task
def b(pk):
    with transaction.atomic():
        try:
            Order.objects.create(pk=pk)
        except IntegrityError:  # DJC409
            note(pk)


@shared_task
def c(pk):
    with transaction.atomic():
        try:
            with transaction.atomic():
                Order.objects.create(pk=pk)
        except IntegrityError:
            note(pk)


@shared_task
def d(pk):
    try:
        with transaction.atomic():
            Order.objects.create(pk=pk)
    except IntegrityError:
        note(pk)


@shared_task
def e(pk):
    with transaction.atomic():
        try:
            work(pk)
        except Exception as error:
            note(error)


@shared_task
def f(pk):
    with transaction.atomic():
        try:
            Order.objects.create(pk=pk)
        except KeyError:
            note(pk)
