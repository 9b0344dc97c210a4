"""Map the URLs of the app, under workload/."""

from django.urls import path
from workload import logged_views, views

urlpatterns = [
    path("dispatch/<int:number>", views.dispatch),
    *(path(f"{name}/", getattr(logged_views, name)) for name in ("cause", "fail", "broken")),
]
