from django.urls import path

from . import views

urlpatterns = [path(f"{name}/", getattr(views, name)) for name in ("cause", "fail", "broken")]
