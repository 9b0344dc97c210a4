"""Answer requests that dispatch jobs, one of which kills its process right after the commit."""

import os
import signal

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from workload.models import Expected
from workload.tasks import durable


def dispatch(request: HttpRequest, number: int) -> HttpResponse:
    with transaction.atomic():
        Expected.objects.create(number=number)
        if "die" in request.GET:  # before the job's own hook, which would publish it
            transaction.on_commit(lambda: os.kill(os.getpid(), signal.SIGKILL))
        durable.delay(number, 0.05)
    return HttpResponse("ok")
