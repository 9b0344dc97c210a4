"""Answer requests that cause jobs whose log lines are read, and one that fails."""

from celery import chain
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from workload import tasks


def cause(request: HttpRequest) -> HttpResponse:
    """Dispatch, on commit, a chain of plain jobs and a durable one."""
    with transaction.atomic():
        transaction.on_commit(lambda: chain(tasks.first.si(), tasks.second.si()).delay())
        tasks.kept.delay_on_commit()
    return HttpResponse("done")


def fail(request: HttpRequest) -> HttpResponse:
    tasks.fail.delay(7, password=request.GET["password"])
    tasks.fail_after_a_retry.delay(8, password=request.GET["password"])
    return HttpResponse("done")


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError(f"password={request.GET['password']}")
