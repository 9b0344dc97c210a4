"""The start page. Replace it with a page of your own."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET


@require_GET
def start(request: HttpRequest) -> HttpResponse:
    """Say what runs, and link to the pages that the project has."""
    return render(request, "start.html", {"workloads": settings.WORKLOADS, "debug": settings.DEBUG})
