from celery import shared_task
from django.core.exceptions import ValidationError

ERRORS = (Exception,)


@shared_task(autoretry_for=(Exception,), retry_backoff=True)  # DJC405
def a(pk): ...


@shared_task(autoretry_for=ERRORS, retry_backoff=True)  # DJC405
def b(pk): ...


@shared_task(autoretry_for=(OSError, ValidationError), retry_backoff=True)  # DJC405
def c(pk): ...


@shared_task(autoretry_for=(Exception,), dont_autoretry_for=(ValueError,), retry_backoff=True)
def d(pk): ...


@shared_task(autoretry_for=(OSError,), retry_backoff=True)
def e(pk): ...


@shared_task(autoretry_for=(Exception,), max_retries=0)
def never(pk): ...
