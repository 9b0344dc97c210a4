# shop/jobs.py
from celery import shared_task


@shared_task
def index(pks): ...


# shop/views.py
from datetime import timedelta

from shop.jobs import index
from shop.models import Order


def place(request, chosen):
    index.delay(request)  # DJC202
    index.delay(Order.objects.filter(pk=1))  # DJC202
    index.delay(list(Order.objects.values_list("pk", flat=True)))
    index.delay({1, 2})  # DJC202
    index.delay(set(chosen))  # DJC202
    index.delay(sorted(set(chosen)))
    index.apply_async(args=[lambda: 1])  # DJC202
    index.apply_async(kwargs={"pks": timedelta(days=1)})  # DJC202
    index.delay(timedelta(days=1).total_seconds())
    index.delay(x for x in chosen)  # DJC202
    index.delay([x for x in chosen])
    with open("x") as file:
        index.delay(file)  # DJC202
    index.delay(request.FILES["x"])  # DJC202
    index.delay(request.FILES["x"].name)
    index.delay(request.POST["x"])


def helper(request):
    index.delay(request)  # DJC202


# shop/other.py
from shop.jobs import index


def run(request):
    index.delay(request)
