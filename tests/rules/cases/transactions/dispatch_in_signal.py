# shop/jobs.py
from celery import shared_task


@shared_task
def index(pk): ...


# shop/signals.py
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.db.models.signals import m2m_changed, post_delete, post_migrate, post_save
from django.dispatch import receiver

from shop.jobs import index


@receiver(post_save, sender="shop.Order")
def saved(sender, instance, **kwargs):
    index.delay(instance.pk)  # DJC102


@receiver([post_save, post_delete], sender="shop.Order")
def either(sender, instance, **kwargs):
    if kwargs.get("created"):
        index.apply_async((instance.pk,))  # DJC102


def connected(sender, instance, **kwargs):
    index.delay(instance.pk)  # DJC102


m2m_changed.connect(connected, sender="shop.Order")


@receiver(user_logged_in)
def logged_in(sender, user, **kwargs):
    index.delay(user.pk)


@receiver(post_migrate)
def migrated(sender, **kwargs):
    index.delay(1)


@receiver(post_save, sender="shop.Cart")
def patient(sender, instance, **kwargs):
    transaction.on_commit(lambda: index.delay(instance.pk))
    index.delay_on_commit(instance.pk)


def unconnected(sender, instance, **kwargs):
    index.delay(instance.pk)
