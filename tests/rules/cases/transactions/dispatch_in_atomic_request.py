# shop/settings.py
DATABASES = {"default": {"ENGINE": "x", "ATOMIC_REQUESTS": True}}

# shop/jobs.py
from celery import shared_task


@shared_task
def index(pk): ...


# shop/views.py
from django.db import transaction
from django.views.generic import View

from shop.jobs import index


def place(request, pk):
    index.delay(pk)  # DJC104


def patient(request, pk):
    index.delay_on_commit(pk)
    transaction.on_commit(lambda: index.delay(pk))


@transaction.non_atomic_requests
def exempt(request, pk):
    index.delay(pk)


class Place(View):
    def post(self, request):
        index.delay(1)  # DJC104

    def helper(self):
        index.delay(1)
