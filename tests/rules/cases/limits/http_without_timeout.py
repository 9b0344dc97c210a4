from urllib.request import urlopen

import httpx
import requests
from celery import shared_task
from requests import post as send


@shared_task
def a(url, options):
    requests.get(url)  # DJC504
    send(url, json={})  # DJC504
    urlopen(url)  # DJC504
    requests.get(url, timeout=3)
    requests.get(url, **options)
    httpx.get(url)
    urlopen(url, None, 3)


def b(url):
    requests.get(url)
