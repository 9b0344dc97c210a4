import time
from time import sleep

from celery import shared_task


@shared_task
def a(pk):
    time.sleep(30)  # DJC505
    sleep(pk)  # DJC505
    pk.sleep(3)


def b(pk):
    time.sleep(30)
