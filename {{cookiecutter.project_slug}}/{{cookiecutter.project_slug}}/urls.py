"""The URLs of the project."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("health/", include("jobs.urls")),
    path("", include("orders.urls")),
]
