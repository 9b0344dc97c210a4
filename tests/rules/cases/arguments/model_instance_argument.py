# shop/jobs.py
from celery import shared_task


@shared_task
def index(order, **more): ...


@shared_task(serializer="pickle")
def pickled(order): ...


# shop/models.py
from django.db import models
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.shortcuts import get_object_or_404

from shop.jobs import index, pickled


class Order(models.Model):
    def reindex(self):
        index.delay(self)  # DJC201
        index.delay(self.pk)


class Plain:
    def go(self):
        index.delay(self)


@receiver(post_save)
def saved(sender, instance, **kwargs):
    index.delay_on_commit(instance)  # DJC201
    index.delay_on_commit(instance.pk)


def place(request, pk, instance):
    order = Order.objects.create()
    index.delay(order)  # DJC201
    index.apply_async(args=[order], kwargs={"by": request.user})  # DJC201
    index.delay(order.pk)
    index.s(get_object_or_404(Order, pk=pk))  # DJC201
    for each in Order.objects.filter(done=False):
        index.delay(each)  # DJC201
        index.delay(each.pk)
    for each in Order.objects.values_list("pk", flat=True):
        index.delay(each)
    for each in Order.objects.filter(done=True).values("pk"):
        index.delay(each)
    order = order.pk
    index.delay(order)
    index.delay(Order.objects.values_list("pk", flat=True).first())
    pickled.delay(Order.objects.get(pk=pk))
    index.delay(instance)
    index.delay({}.get(pk))
