# Django imports this package first, so every process that runs Django also has the Celery app. Without this import a
# web process would publish to Celery's default broker instead of this project's.
from .celery import app as celery_app

__all__ = ["celery_app"]
