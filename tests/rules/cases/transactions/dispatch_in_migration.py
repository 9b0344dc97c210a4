# shop/jobs.py
from celery import shared_task


@shared_task
def fill(pk=None): ...


# shop/migrations/0002_fill.py
from django.db.models.signals import post_migrate

from shop.jobs import fill


def forwards(apps, schema_editor):
    fill.delay()  # DJC111
    for pk in apps.get_model("shop", "Order").objects.values_list("pk"):
        fill.apply_async((pk,))  # DJC111


# shop/migration.py
from shop.jobs import fill


def forwards():
    fill.delay()
