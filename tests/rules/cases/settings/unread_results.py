# project/settings.py
INSTALLED_APPS = []
CELERY_RESULT_BACKEND = "redis://localhost"  # DJC712

# shop/tasks.py
from celery import shared_task

@shared_task
def price(pk): ...

def show(pk):
    return price.delay(pk).id
