from celery import Task, shared_task


class Late(Task):
    acks_late = True


@shared_task(reject_on_worker_lost=True)  # DJC411
def a(pk): ...


@shared_task(acks_late=True, reject_on_worker_lost=True)
def b(pk): ...


@shared_task(base=Late, reject_on_worker_lost=True)
def c(pk): ...


@shared_task(reject_on_worker_lost=False)
def d(pk): ...
