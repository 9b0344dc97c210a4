"""The URLs of the project."""

from django.contrib import admin
from django.urls import include, path

from djcelery_jobs.dashboard.metrics import metrics

urlpatterns = [
    path("admin/", admin.site.urls),
    path("health/", include("djcelery_jobs.urls")),
    path("metrics", metrics, name="metrics"),
    path("", include("orders.urls")),
]
