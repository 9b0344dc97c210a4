"""Test that the library starts beside a django-tasks that is older than the API of Django 6.0."""

import os
import subprocess
import sys

from django import VERSION

START = """
import django
from django.conf import settings
apps = ["django.contrib.auth", "django.contrib.contenttypes", "djcelery_jobs"]
settings.configure(INSTALLED_APPS=apps, SECRET_KEY="x")
django.setup()
from django.core.exceptions import ImproperlyConfigured
from djcelery_jobs.core import tasks_api
if tasks_api.IS_AVAILABLE:
    print("available")
else:
    try:
        import djcelery_jobs.tasks_backend
    except ImproperlyConfigured as error:
        print(error)
"""


def start(folder, version):
    """Start the library with an empty django-tasks of some version before all others, and return what it prints."""
    (folder / "django_tasks").mkdir()
    (folder / "django_tasks" / "__init__.py").write_text("")
    metadata = folder / f"django_tasks-{version}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: django-tasks\nVersion: {version}\n")
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), *filter(None, sys.path)])}
    env.pop("DJANGO_SETTINGS_MODULE", None)
    done = subprocess.run([sys.executable, "-c", START], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_library_starts_and_says_what_tasks_need(tmp_path):
    needs = "@task needs Django 6.0, or django-tasks 0.12 or newer. Install or upgrade django-tasks."
    assert start(tmp_path, "0.7.0") == ("available" if VERSION >= (6, 0) else needs)
