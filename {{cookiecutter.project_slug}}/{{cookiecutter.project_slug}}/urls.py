"""The URLs of the project."""

from django.contrib import admin
from django.urls import include, path

from jobs.watch.metrics import metrics

urlpatterns = [
    path("admin/", admin.site.urls),
    path("health/", include("jobs.urls")),
    path("metrics", metrics, name="metrics"),
    path("", include("orders.urls")),
]
