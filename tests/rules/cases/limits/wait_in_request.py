# shop/jobs.py
from celery import shared_task


@shared_task
def price(pk): ...


# shop/views.py
from django.views.generic import View

from shop.jobs import price


def show(request, pk):
    price.delay(pk).get()  # DJC507
    request.GET.get("x")


class Show(View):
    def get(self, request):
        found = price.delay(1)
        return found.get()  # DJC507

    def helper(self):
        return price.delay(1).get()


def helper(pk):
    return price.delay(pk).get()
