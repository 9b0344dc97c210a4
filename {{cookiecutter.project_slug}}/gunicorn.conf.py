"""gunicorn reads this file by itself: its own lines go the way of all others."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{{ cookiecutter.project_slug }}.settings.production")

from django.conf import settings

logconfig_dict = settings.LOGGING
