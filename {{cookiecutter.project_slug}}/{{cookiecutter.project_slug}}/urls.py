"""The URLs of the project."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("djcelery_jobs.urls")),  # /health/live, /health/ready, /metrics
    path("", include("orders.urls")),
]
