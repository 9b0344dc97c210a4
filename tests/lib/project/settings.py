"""Configure the tests: tasks run inline and nothing leaves the process, as in a generated project's tests.

DATABASE_URL names a PostgreSQL to run on; without it, a SQLite file.
"""

import logging
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import gettempdir
from urllib.parse import urlsplit

from celery.schedules import crontab
from django import VERSION

from djcelery_jobs import Workload, queues, routes, task_limits

SECRET_KEY = "only-for-tests"
DEBUG = False
ALLOWED_HOSTS = ["testserver"]
BASE_DIR = Path(__file__).parent
ROOT_URLCONF = "tests.lib.project.urls"
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
LOGIN_URL = "admin:login"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    *(["django_celery_beat"] if find_spec("django_celery_beat") else []),
    *(["django_tasks"] if VERSION < (6, 0) and find_spec("django_tasks") else []),
    "djcelery_jobs",
    "tests.lib.project.shop",
]
MIDDLEWARE = [
    *(["django_structlog.middlewares.RequestMiddleware"] if find_spec("django_structlog") else []),
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "djcelery_jobs.telemetry.context.remember_request",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# RemovedInDjango2028Warning: only MAILERS is left then.
if VERSION < (6, 1):
    EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
else:
    MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

if url := os.environ.get("DATABASE_URL"):
    parts = urlsplit(url)
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": parts.path.lstrip("/"),
            "USER": parts.username or "",
            "PASSWORD": parts.password or "",
            "HOST": parts.hostname or "",
            "PORT": parts.port or "",
        }
    }
else:
    # A file and not memory: each thread then has a connection of its own, and locks are the real ones.
    file = Path(gettempdir()) / f"djcelery-jobs-tests-{os.getpid()}.sqlite3"
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(file),
            "TEST": {"NAME": str(file)},
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
            },
        }
    }

# As far as a router can tell, there is a read replica. A test that reads a row of the jobs there fails.
DATABASES["replica"] = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
DATABASE_ROUTERS = ["tests.lib.project.routers.ReplicaRouter"]

if find_spec("django_structlog"):
    from djcelery_jobs import logging_config

    LOGGING = logging_config(form="console", level="INFO", jobs_level="INFO", mail_to_admins=False)
    DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG
    DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
    DJANGO_STRUCTLOG_USER_ID_FIELD = None

WORKLOADS = {
    "fast": Workload(concurrency=4, prefetch=4, soft_limit=10, hard_limit=20),
    "slow": Workload(concurrency=2, prefetch=1, soft_limit=300, hard_limit=330),
    "email": Workload(concurrency=2, prefetch=1, soft_limit=30, hard_limit=60),
    "report": Workload(concurrency=1, prefetch=1, soft_limit=3000, hard_limit=3600),
}
ROUTES = {
    "djcelery_jobs.tasks.prune": "slow",
    "tests.lib.project.shop.tasks.daily_sales": "report",
}
CELERY_BEAT_SCHEDULE = {
    "daily-sales": {
        "task": "tests.lib.project.shop.tasks.daily_sales",
        "schedule": crontab(hour="2", minute="10"),
        "options": {"expires": 6 * 3600},
    },
    "prune-jobs": {
        "task": "djcelery_jobs.tasks.prune",
        "schedule": crontab(minute="40"),
        "options": {"expires": 3600},
    },
}
CELERY_BEAT_SCHEDULER = "djcelery_jobs.beat.scheduler:LockedScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 2

if VERSION >= (6, 0) or find_spec("django_tasks"):
    TASKS = {"default": {"BACKEND": "djcelery_jobs.tasks_backend.DurableBackend"}}

CELERY_BROKER_URL = "memory://"
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
CELERY_TASK_QUEUES = queues(WORKLOADS, CELERY_BROKER_URL)
CELERY_TASK_ROUTES = routes(ROUTES)
CELERY_TASK_DEFAULT_QUEUE = "slow"
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ANNOTATIONS = task_limits(ROUTES, WORKLOADS)
CELERY_TASK_SOFT_TIME_LIMIT = max(w.soft_limit for w in WORKLOADS.values())
CELERY_TASK_TIME_LIMIT = max(w.hard_limit for w in WORKLOADS.values())
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_RESULT_EXPIRES = None
CELERY_WORKER_CONSUMER = "djcelery_jobs.worker.consumer:Consumer"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 5
CELERY_DB_REUSE_MAX = sys.maxsize
CELERY_TIMEZONE = "UTC"
