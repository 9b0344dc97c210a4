# project/settings.py
INSTALLED_APPS = []

# shop/tasks.py
from celery import shared_task

@shared_task
def price(pk): ...

def show(pk):
    price.delay(pk).get()  # DJC711
    {}.get(pk)
    price.delay(pk).id
