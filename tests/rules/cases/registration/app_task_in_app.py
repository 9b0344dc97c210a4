# project/celery.py
from celery import Celery

app = Celery("project")

@app.task
def debug(): ...

# shop/tasks.py
from celery import shared_task
from project.celery import app

@app.task
def a(pk): ...  # DJC307

@app.task(bind=True)
def b(self, pk): ...  # DJC307

@shared_task
def c(pk): ...
