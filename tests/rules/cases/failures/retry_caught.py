from celery import shared_task
from celery.exceptions import Retry


@shared_task(bind=True)
def a(self, pk):
    try:
        work(pk)
        self.retry(countdown=3)  # DJC402
    except Exception as error:
        note(error)


@shared_task(bind=True)
def b(self, pk):
    try:
        work(pk)
        raise self.retry(countdown=3)
    except Retry:
        raise
    except Exception as error:
        note(error)


@shared_task(bind=True)
def c(self, pk):
    try:
        work(pk)
    except Exception as error:
        raise self.retry(exc=error)


@shared_task(bind=True)
def d(self, pk):
    try:
        raise self.retry(countdown=3)
    except OSError:
        pass


@shared_task(bind=True)
def e(self, pk):
    try:
        raise self.retry(countdown=3)
    except Exception:
        note(pk)
        raise
