"""Settings that every environment shares. The settings of background jobs are in jobs.py."""

import logging

import django

from djcelery_jobs import logging_config

from .environment import BASE_DIR, env, mail_settings
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
    # {% if cookiecutter.example %}
    "orders",
    # {% endif %}
]

MIDDLEWARE = [
    "django_structlog.middlewares.RequestMiddleware",
    "{{ cookiecutter.project_slug }}.body_limit.limit_body",
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
        "DIRS": [BASE_DIR / "{{ cookiecutter.project_slug }}" / "templates"],
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

# SQLite, unless DATABASE_URL names another database: postgres://user:password@host:5432/name
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'db.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Several processes write to this file. WAL lets others read while one process writes. IMMEDIATE takes the write
    # lock when a transaction begins, so a second job waits for up to `timeout` seconds instead of failing half-way.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
    }
else:
    # A worker lives for days, and the database may restart meanwhile: check an open connection before using it.
    DATABASES["default"]["CONN_MAX_AGE"] = env.int("DATABASE_CONN_MAX_AGE", default=60)
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
if DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    # Detect a dead peer within about ten seconds, on both sides (TCP keepalive and user timeout). Then a process gets
    # an error instead of hanging, beat notices within its lease, and rows that a lost worker had locked are unlocked
    # before its jobs run elsewhere. PostgreSQL also looks every two seconds whether whoever waits for a statement is
    # still there, and otherwise ends it and releases its locks.
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": 3,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,  # milliseconds, unlike the others
        "options": "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3 "
        "-c tcp_user_timeout=10000 -c client_connection_check_interval=2000 "
        + env("PGOPTIONS", default=""),  # this setting would replace the variable
        **DATABASES["default"].get("OPTIONS", {}),
    }
    if env.bool("DATABASE_POOLER", default=False):
        # A pooler may give each transaction another connection, and accepts no options for it.
        DATABASES["default"]["OPTIONS"].pop("options")
        DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Each process has a cache of its own. Django unpickles what it reads from a shared cache, so whoever can write to that
# server can run code here: name one in CACHE_URL only if nobody else can, and never the broker's.
CACHES = {"default": env.cache_url("CACHE_URL", default="locmemcache://")}
CACHES["default"].setdefault("KEY_PREFIX", "{{ cookiecutter.project_slug }}")  # projects can share a server

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
    # The web server and the workers must see the same files: a folder on one machine, a bucket on several.
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
if bucket := env("AWS_STORAGE_BUCKET_NAME", default=""):
    STORAGES["default"] = {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": {"bucket_name": bucket}}

# The largest request body in bytes, uploads included. A larger one is refused before anything reads it.
MAX_BODY_SIZE = 11 * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024  # bytes of a body without its files

# Without the timeout, in seconds, a mail server that does not answer would block a worker until its time limit.
vars().update(mail_settings(env.email_url("EMAIL_URL", default="consolemail://"), timeout=10))
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", default="noreply@localhost")

# The addresses that get a mail about a failed job or a broken page: a@example.com,b@example.com. By default, nobody.
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
# Log one line per request, with an id that this project chooses and without the visitor's address.
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
DJANGO_STRUCTLOG_USER_ID_FIELD = None  # looking up the user would cost a query in views that need none
# Set it to true only behind a proxy that sets X-Request-ID itself; otherwise visitors choose what the log says.
DJANGO_STRUCTLOG_TRUST_UPSTREAM_REQUEST_ID = env.bool("TRUST_REQUEST_ID", default=False)
# {% if cookiecutter.sentry %}

SENTRY_DSN = env("SENTRY_DSN", default="")
SENTRY_ENVIRONMENT = env("SENTRY_ENVIRONMENT", default="production")
SENTRY_RELEASE = env("SENTRY_RELEASE", default="")
# {% endif %}
