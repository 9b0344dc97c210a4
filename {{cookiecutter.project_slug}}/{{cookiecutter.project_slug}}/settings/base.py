"""What every environment shares. Background jobs have a file of their own: jobs.py."""

import logging

import django

from djcelery_jobs import logging_config

from .environment import BASE_DIR, env
from .jobs import *  # noqa: F403

DEBUG = False
SECRET_KEY = env("DJANGO_SECRET_KEY", default="")
ALLOWED_HOSTS = env.list("DJANGO_ALLOWED_HOSTS", default=[])
CSRF_TRUSTED_ORIGINS = env.list("DJANGO_CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    # {% if cookiecutter.results == "django" %}
    "django_celery_results",
    # {% endif %}
    # {% if cookiecutter.schedule == "database" %}
    "django_celery_beat",
    # {% endif %}
    "users",
    "djcelery_jobs",
    "orders",
]

MIDDLEWARE = [
    "django_structlog.middlewares.RequestMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "djcelery_jobs.remember_request",
]

ROOT_URLCONF = "{{ cookiecutter.project_slug }}.urls"
WSGI_APPLICATION = "{{ cookiecutter.project_slug }}.wsgi.application"

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

# SQLite until DATABASE_URL names another: postgres://user:password@host:5432/name
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'db.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Several processes write here. WAL lets readers go on while one writes; IMMEDIATE takes the write lock when a
    # transaction begins, so that two jobs queue up for `timeout` seconds instead of failing half-way.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
    }
else:
    # A worker lives for days and its database restarts meanwhile: look at a kept connection before using it.
    DATABASES["default"]["CONN_MAX_AGE"] = env.int("DATABASE_CONN_MAX_AGE", default=60)
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
if DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    # A machine that loses its network says no goodbye. Within about ten seconds both sides give such a connection up,
    # by asking who is silent and by not waiting longer for who acknowledges nothing. So a process gets an error and
    # does not hang; beat knows it within its lease; and the rows that a vanished worker has locked are free before
    # its jobs run elsewhere.
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": 3,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,  # milliseconds, unlike the others
        "options": "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3 "
        "-c tcp_user_timeout=10000 " + env("PGOPTIONS", default=""),  # ours would replace the variable
        **DATABASES["default"].get("OPTIONS", {}),
    }
    if env.bool("DATABASE_POOLER", default=False):
        # A pooler in front of PostgreSQL gives each transaction another connection, and takes no options for it.
        DATABASES["default"]["OPTIONS"].pop("options")
        DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# {% if cookiecutter.broker == "redis" %}
# The cache has a Redis database of its own, so that cache.clear() empties no queue.
CACHES = {"default": env.cache_url("CACHE_URL", default=REDIS_CACHE_URL)}  # noqa: F405
# {% else %}
CACHES = {"default": env.cache_url("CACHE_URL", default="locmemcache://")}
# {% endif %}

AUTH_USER_MODEL = "users.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "admin:login"

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
MEDIA_ROOT = env("DJANGO_MEDIA_ROOT", default=str(BASE_DIR / "media"))
STORAGES = {
    # Web and workers must see the same files: on one machine a folder will do, on several use a bucket.
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
if bucket := env("AWS_STORAGE_BUCKET_NAME", default=""):
    STORAGES["default"] = {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": {"bucket_name": bucket}}

EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)
EMAIL_TIMEOUT = 10  # seconds; without it a silent mail server would hold a worker until its time limit
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", default="shop@localhost")

# Who gets a mail about a failed job or a page that broke: a@example.com,b@example.com. By default, nobody.
ADMINS = env.list("DJANGO_ADMINS", default=[])
if django.VERSION < (6,):
    ADMINS = [("", address) for address in ADMINS]
SERVER_EMAIL = DEFAULT_FROM_EMAIL

LOG_LEVEL = env("DJANGO_LOG_LEVEL", default="INFO")
LOGGING = logging_config(
    form=env("LOG_FORMAT", default="console"),
    level=LOG_LEVEL,
    jobs_level=env("JOBS_LOG_LEVEL", default=LOG_LEVEL),
    mail_to_admins=bool(ADMINS),
)
# One line for each request and no more, with an id of our own and without the address of the visitor.
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
DJANGO_STRUCTLOG_USER_ID_FIELD = None  # looking the user up would cost a query where the view asks for none
# True only behind a balancer that sets X-Request-ID itself; else any visitor chooses what stands in the log.
DJANGO_STRUCTLOG_TRUST_UPSTREAM_REQUEST_ID = env.bool("TRUST_REQUEST_ID", default=False)
# {% if cookiecutter.sentry %}

SENTRY_DSN = env("SENTRY_DSN", default="")
SENTRY_ENVIRONMENT = env("SENTRY_ENVIRONMENT", default="production")
SENTRY_RELEASE = env("SENTRY_RELEASE", default="")
# {% endif %}
