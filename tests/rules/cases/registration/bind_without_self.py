from celery import shared_task
from elsewhere import with_self

OPTIONS = {"bind": True}


@shared_task
def a(self, pk): ...  # DJC306


@shared_task(bind=True)
def b(): ...  # DJC306


@shared_task(bind=True)
def c(task, pk): ...


@shared_task(**OPTIONS)
def d(self, pk): ...


@shared_task
@with_self
def e(self, pk): ...


@shared_task(bind=True)
def f(*args): ...


@shared_task
def g(pk): ...


@shared_task(bind=False)
def h(self=None): ...
