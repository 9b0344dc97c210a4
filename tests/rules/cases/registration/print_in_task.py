import sys

from celery import shared_task


@shared_task
def a(pk):
    print(pk)  # DJC314
    if pk:
        print("x")  # DJC314
    print(pk, file=sys.stderr)


def b(pk):
    print(pk)
