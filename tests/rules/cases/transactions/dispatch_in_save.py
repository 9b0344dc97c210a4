# shop/jobs.py
from celery import shared_task


@shared_task
def index(pk): ...


# shop/models.py
from django.db import models, transaction
from rest_framework import serializers
from django.contrib import admin

from shop.jobs import index


class Order(models.Model):
    def save(self, *args, **kwargs):
        super().save(*args, **kwargs)
        index.delay(self.pk)  # DJC103

    def delete(self, *args, **kwargs):
        super().delete(*args, **kwargs)
        transaction.on_commit(lambda: index.delay(self.pk))

    def reindex(self):
        index.delay(self.pk)


class OrderSerializer(serializers.ModelSerializer):
    def create(self, data):
        order = super().create(data)
        index.delay(order.pk)  # DJC103
        return order


class OrderAdmin(admin.ModelAdmin):
    def save_model(self, request, obj, form, change):
        super().save_model(request, obj, form, change)
        index.delay(obj.pk)  # DJC103


class Drawing:
    def save(self, path):
        index.delay(path)
