"""Test that the library starts, and passes Django's checks, on a site without the admin."""

import os
import subprocess
import sys

CHECK = """
import django
from django.conf import settings
from django.core.management import call_command
settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "djcelery_jobs"],
    SECRET_KEY="x",
    ROOT_URLCONF="djcelery_jobs.urls",
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    SILENCED_SYSTEM_CHECKS=["djcelery_jobs.E015"],
)
django.setup()
call_command("check", "--tag", "templates", "--tag", "urls", "--tag", "models")
"""


def test_a_site_without_the_admin_passes_the_checks():
    env = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run([sys.executable, "-c", CHECK], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
