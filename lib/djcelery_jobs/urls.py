"""The health endpoints, and /metrics where the extra `metrics` is installed."""

from importlib.util import find_spec

from django.urls import path

from djcelery_jobs.dashboard import health

urlpatterns = [
    path("health/live", health.live, name="live"),
    path("health/ready", health.ready, name="ready"),
]
if find_spec("prometheus_client"):
    from djcelery_jobs.dashboard.metrics import metrics

    urlpatterns.append(path("metrics", metrics, name="metrics"))
