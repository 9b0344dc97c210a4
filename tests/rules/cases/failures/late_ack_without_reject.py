from celery import Task, shared_task

OPTIONS = {"reject_on_worker_lost": True}


class Safe(Task):
    reject_on_worker_lost = True


@shared_task(acks_late=True)  # DJC410
def a(pk): ...


@shared_task(acks_late=True, reject_on_worker_lost=True)
def b(pk): ...


@shared_task(acks_late=True, base=Safe)
def c(pk): ...


@shared_task(acks_late=True, **OPTIONS)
def d(pk): ...


@shared_task(acks_late=True, reject_on_worker_lost=False)
def e(pk): ...


@shared_task(acks_late=False)
def f(pk): ...
