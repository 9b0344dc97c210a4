"""Find by which name Celery's own command finds the app of this process."""

import sys

from celery import Celery, current_app
from celery.app.utils import find_app


def app_path() -> str:
    """Return what follows `celery -A`: the app's name if that leads to it, or else the place that holds the app."""
    name = current_app.main or ""
    try:
        if name and current_app == find_app(name):
            return name
    except (ImportError, AttributeError, ValueError):
        pass  # many apps have a name that is not a module
    for module in [module for key, module in sorted(sys.modules.items()) if key.partition(".")[0] != "celery"]:
        for variable, value in list(getattr(module, "__dict__", {}).items()):
            if Celery in type(value).__mro__ and current_app == value:
                return f"{module.__name__}:{variable}"
    return name
