from celery import shared_task


@shared_task
def a(pks=[]): ...  # DJC210


@shared_task
def b(*, options=dict()): ...  # DJC210


@shared_task
def c(pks=None, fixed=(), name="x"): ...


def d(pks=[]): ...
