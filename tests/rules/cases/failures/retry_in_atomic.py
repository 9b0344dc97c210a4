from celery import shared_task
from django.db import transaction


@shared_task(bind=True)
def a(self, pk):
    with transaction.atomic():
        raise self.retry()  # DJC408


@shared_task(bind=True)
@transaction.atomic
def b(self, pk):
    try:
        work(pk)
    except OSError as error:
        raise self.retry(exc=error)  # DJC408


@shared_task(bind=True)
def c(self, pk):
    with transaction.atomic():
        client.retry()
    raise self.retry()
