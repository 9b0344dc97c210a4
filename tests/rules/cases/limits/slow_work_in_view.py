# shop/jobs.py
from celery import shared_task


@shared_task
def index(pk): ...


# shop/views.py
import time

import requests
from django.core.mail import send_mail

from shop.jobs import index


def place(request, pk):
    requests.post("x", timeout=5)  # DJC513
    send_mail("a", "b", "c", ["d"])  # DJC513
    index.delay(pk)


def helper(pk):
    time.sleep(3)
    index.delay(pk)
