# shop/jobs.py
from celery import shared_task


@shared_task
def index(pk): ...


# shop/orders.py
from django.db import transaction
from django.db.models.signals import post_save
from django.dispatch import receiver

from shop.jobs import index

SOON = 3


@receiver(post_save)
def saved(sender, instance, **kwargs):
    index.apply_async((instance.pk,), countdown=SOON)  # DJC110
    index.apply_async((instance.pk,), countdown=3600)
    transaction.on_commit(lambda: index.apply_async((instance.pk,), countdown=5))


def helper(pk):
    index.apply_async((pk,), countdown=5)


@transaction.atomic
def place(pk, wait):
    index.apply_async((pk,), countdown=1)  # DJC110
    index.apply_async((pk,), countdown=wait)
