# shop/jobs.py
from celery import shared_task


@shared_task
def warm(): ...


# shop/base.py
from django.apps import AppConfig


class Base(AppConfig): ...


# shop/apps.py
from django.apps import AppConfig
from django.db.models.signals import post_migrate

from shop.base import Base
from shop.jobs import warm


class ShopConfig(AppConfig):
    def ready(self):
        warm.delay()  # DJC113

        def migrated(**kwargs):
            warm.delay()

        post_migrate.connect(migrated)


class Other(Base):
    def ready(self):
        warm.delay()  # DJC113


class Gate:
    def ready(self):
        warm.delay()
