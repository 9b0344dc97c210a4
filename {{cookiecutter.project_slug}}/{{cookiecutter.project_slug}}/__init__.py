# Django imports this package first, so every process that runs Django also has the Celery app. Without this line a
# web process would publish to Celery's built-in default broker instead of ours.
from .celery import app as celery_app

__all__ = ["celery_app"]
