"""Run the worker of a project in a process of its own, with a real broker. Import nothing of it into a test."""

from tests.lib.live_worker.celery import app as celery_app

__all__ = ["celery_app"]
