from functools import wraps

from celery import Task, chain, current_app, shared_task


class Odd(Task):
    def __call__(self, *args, **kwargs): ...


def logged(function):
    @wraps(function)
    def inner(*args, **kwargs):
        return function(1, *args, **kwargs)

    return inner


@shared_task
def index(pk, force=False): ...


@shared_task(bind=True)
def bound(self, pk): ...


@shared_task(base=Odd)
def odd(pk): ...


@shared_task
@logged
def changed(one, pk): ...


@shared_task
def keyed(pk, *, by): ...


@shared_task
def loose(*args, **kwargs): ...


BASE = {"time_limit": 60}
BOUND = {**BASE, **{"bind": True}}


@shared_task(**{**BOUND, "max_retries": 3})
def opened(self, pk): ...


@shared_task(**settings.OPTIONS)
def hidden(self, pk): ...


def place(pk, args):
    opened.delay(1)
    opened.delay()  # DJC208
    hidden.delay(1)
    index.delay()  # DJC208
    index.delay(1, True)
    index.delay(1, True, 3)  # DJC208
    index.delay(1, by=2)  # DJC208
    index.delay(1, pk=2)  # DJC208
    index.delay(*args)
    bound.delay(1)
    bound.delay(None, 1)  # DJC208
    odd.delay()
    changed.delay(1)
    changed.delay(1, bye=2)  # DJC208
    keyed.delay(1)  # DJC208
    keyed.apply_async(args=[1], kwargs={"by": 2})
    keyed.apply_async(args=[1], kwargs={"buy": 2})  # DJC208
    keyed.apply_async(args, kwargs={"buy": 2})
    loose.delay(1, 2, x=3)
    index.s().delay()
    chain(index.s(1), index.s())
    current_app.send_task("shop.tasks.index", args=[1, 2, 3])  # DJC208
    current_app.send_task("other.tasks.index", args=[1, 2, 3])
