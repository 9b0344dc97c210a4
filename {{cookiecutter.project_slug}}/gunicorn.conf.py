"""gunicorn reads this file by itself. Its log lines go the same way as all others."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{{ cookiecutter.project_slug }}.settings.production")

from django.conf import settings

# Django already logs each request. gunicorn would add a second line, with the visitor's address and browser.
silent = {"gunicorn.access": {"handlers": [], "propagate": False}}
logconfig_dict = {**settings.LOGGING, "loggers": {**settings.LOGGING["loggers"], **silent}}
