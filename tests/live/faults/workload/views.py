"""A request that dispatches, and one whose process dies right after its commit."""

import os
import signal

from django.db import transaction
from django.http import HttpRequest, HttpResponse

from .models import Wish
from .tasks import durable


def wish(request: HttpRequest, number: int) -> HttpResponse:
    with transaction.atomic():
        Wish.objects.create(number=number)
        if "die" in request.GET:  # before the job's own hook, which would publish it
            transaction.on_commit(lambda: os.kill(os.getpid(), signal.SIGKILL))
        durable.delay(number, 0.05)
    return HttpResponse("ok")
