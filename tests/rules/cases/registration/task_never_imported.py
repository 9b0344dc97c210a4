# shop/jobs.py
from celery import shared_task

@shared_task
def index(pk): ...  # DJC312

@shared_task
def again(pk): ...

# shop/imported.py
from celery import shared_task

@shared_task
def index(pk): ...

# shop/urls.py
from shop import imported

# shop/tasks.py
from celery import shared_task

@shared_task
def index(pk): ...
