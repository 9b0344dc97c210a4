"""Configure a project that differs only in the job system. Connections are kept, as in a generated project."""

import os

RIVAL = os.environ["RIVAL"]
APPS = {
    "procrastinate": "procrastinate.contrib.django",
    "django-ox": "django_ox",
    "django-tasks-db": "django_tasks_db",
    "celery": "django_celery_results",
}
BACKENDS = {"django-ox": "django_ox.backend.OxBackend", "django-tasks-db": "django_tasks_db.DatabaseBackend"}

SECRET_KEY = "not a secret"  # noqa: S105
USE_TZ = True
INSTALLED_APPS = ["django.contrib.contenttypes", APPS[RIVAL], "rival"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": os.environ["PGHOST"],
        "PORT": os.environ["PGPORT"],
        "USER": os.environ["PGUSER"],
        "NAME": os.environ["PGDATABASE"],
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
}
TASKS = {"default": {"BACKEND": BACKENDS.get(RIVAL, "django.tasks.backends.immediate.ImmediateBackend")}}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"level": "INFO", "handlers": ["console"]},
}
CELERY_BROKER_URL = os.environ.get("REDIS_URL", "")
CELERY_RESULT_BACKEND = "django-db"
CELERY_RESULT_EXTENDED = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
