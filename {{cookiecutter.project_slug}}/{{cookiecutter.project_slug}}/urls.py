"""The URLs of the project."""

from django.contrib import admin
from django.urls import include, path

# {% if not cookiecutter.example %}
from .views import start

# {% endif %}
urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("djcelery_jobs.urls")),  # /health/live, /health/ready, /metrics
    # {% if cookiecutter.example %}
    path("", include("orders.urls")),
    # {% else %}
    path("", start, name="start"),
    # {% endif %}
]
