from celery import shared_task


@shared_task(autoretry_for=(OSError,), retry_backoff=True, retry_jitter=False)  # DJC407
def a(pk): ...


@shared_task(autoretry_for=(OSError,), retry_backoff=True, retry_jitter=True)
def b(pk): ...


@shared_task(autoretry_for=(OSError,), retry_backoff=True)
def c(pk): ...
