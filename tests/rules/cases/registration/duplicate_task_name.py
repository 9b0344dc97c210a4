# shop/tasks.py
from celery import shared_task

try:
    import fast
except ImportError:
    fast = None


@shared_task(name="shop.one")
def a(): ...  # DJC305


@shared_task(name="shop.two")
def b(): ...


@shared_task
def c(): ...


@shared_task
def c(): ...  # DJC305


if fast:

    @shared_task(name="shop.three")
    def d(): ...

else:

    @shared_task(name="shop.three")
    def d(): ...


# other/tasks.py
from celery import shared_task


@shared_task(name="shop.one")
def a(): ...


@shared_task
def b(): ...


# tests/tasks.py
from celery import shared_task


@shared_task(name="shop.two")
def b(): ...
