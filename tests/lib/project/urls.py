from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def front(request: HttpRequest) -> HttpResponse:
    return HttpResponse("a page")


urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("djcelery_jobs.urls")),
    path("", front),
]
