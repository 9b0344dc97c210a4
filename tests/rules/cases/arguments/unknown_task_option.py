from celery import Task, shared_task

OPTIONS = {"time_limit": 5}


class Base(Task): ...


@shared_task(max_retry=5)  # DJC206
def a(): ...


@shared_task(
    soft_time_limt=5,  # DJC206
    time_limit=9,
)
def b(): ...


@shared_task(base=Base, tenant=5, time_limt=5)
def c(): ...


@shared_task(tenant_aware=True)  # DJC206
def d(): ...


@shared_task(bind=True, autoretry_for=(OSError,), retry_kwargs={}, queue="x", **OPTIONS)
def e(self): ...


@shared_task
def f(): ...
