# shop/jobs.py
import httpx
import requests
from celery import shared_task
from django.core.mail import EmailMessage, send_mail
from django.db import transaction
from djcelery_jobs import DurableTask

from shop import api


class Outside(DurableTask):
    one_transaction = False


@shared_task
def plain(pk):
    requests.get("https://shop.example", timeout=5)


@shared_task(base=DurableTask)
def charge(pk, user):
    requests.post("https://shop.example", timeout=5)  # DJC115
    session = requests.Session()
    session.put("https://shop.example", timeout=5)  # DJC115
    with httpx.Client() as client:
        client.get("https://shop.example")  # DJC115
    send_mail("subject", "text", "a@shop.example", ["b@shop.example"])  # DJC115
    EmailMessage("subject").send()  # DJC115
    user.email_user("subject", "text")  # DJC115
    api.push(pk)  # DJC115
    api.count(pk)
    plain(pk)
    transaction.on_commit(lambda: requests.get("https://shop.example", timeout=5))


@shared_task(base=DurableTask, one_transaction=False)
def talk(pk):
    requests.post("https://shop.example", timeout=5)


@shared_task(base=Outside)
def talk_again(pk):
    requests.post("https://shop.example", timeout=5)


# shop/api.py
import requests


def push(pk):
    return requests.post("https://shop.example", timeout=5)


def count(pk):
    return pk + 1
