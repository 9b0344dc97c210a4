from celery import Task, shared_task
from elsewhere import Unknown


class Calm(Task):
    retry_backoff = True


class Plain(Task):
    priority = 3


DELAY = {"max_retries": 3, "countdown": 5}


@shared_task(autoretry_for=(OSError,))  # DJC404
def a(pk): ...


@shared_task(autoretry_for=(OSError,), base=Plain, retry_kwargs={"max_retries": 5})  # DJC404
def b(pk): ...


@shared_task(autoretry_for=(OSError,), base=Calm)
def c(pk): ...


@shared_task(autoretry_for=(OSError,), base=Unknown)
def d(pk): ...


@shared_task(autoretry_for=(OSError,), retry_backoff=5)
def e(pk): ...


@shared_task(autoretry_for=(OSError,), retry_kwargs=DELAY)
def f(pk): ...


@shared_task(autoretry_for=(OSError,), retry_backoff=False)  # DJC404
def g(pk): ...


@shared_task(autoretry_for=(OSError,), default_retry_delay=60)
def h(pk): ...
