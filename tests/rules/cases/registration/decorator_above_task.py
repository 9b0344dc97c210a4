from functools import wraps

from celery import shared_task
from elsewhere import registered


def logged(function):
    @wraps(function)
    def inner(*args):
        return function(*args)

    return inner


def retried(times):
    def decorate(function):
        def inner(*args):
            return function(*args)

        return inner

    return decorate


def marked(task):
    task.marked = True
    return task


@logged  # DJC302
@shared_task
def a(pk): ...


@retried(3)  # DJC302
@shared_task(bind=True)
def b(self, pk): ...


@marked
@shared_task
def c(pk): ...


@registered
@shared_task
def d(pk): ...


@shared_task
@logged
def e(pk): ...
