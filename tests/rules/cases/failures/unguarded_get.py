from celery import shared_task

from shop.models import Order


@shared_task
def a(pk, cache):
    Order.objects.get(pk=pk)  # DJC412
    Order.objects.select_related("x").get(pk=pk)  # DJC412
    Order.objects.get(name="main")
    cache.get(pk)


@shared_task
def b(pk):
    try:
        return Order.objects.get(pk=pk).pk
    except Order.DoesNotExist:
        return None


def c(pk):
    Order.objects.get(pk=pk)
