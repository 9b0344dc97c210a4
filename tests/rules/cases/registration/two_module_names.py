# app/manage.py
import os

# app/shop/__init__.py

# app/shop/tasks.py
from celery import shared_task

@shared_task
def index(pk): ...  # DJC315

@shared_task
def price(pk): ...

# app/mail/__init__.py

# app/mail/tasks.py
from celery import shared_task

@shared_task
def send(pk): ...

# app/named/__init__.py

# app/named/tasks.py
from celery import shared_task

@shared_task(name="named.report")
def report(pk): ...

# app/project/settings.py
INSTALLED_APPS = ["shop", "mail", "named"]

# app/orders/__init__.py

# app/orders/views.py
from app.shop.tasks import index
from app.named.tasks import report
from mail.tasks import send

def place(request):
    index.delay_on_commit(1)
    send.delay_on_commit(1)
    report.delay_on_commit(1)
