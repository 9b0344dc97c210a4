"""Servers. Secrets come from the environment, and without them nothing starts."""

from django.core.exceptions import ImproperlyConfigured

from djcelery_jobs import use_log_format

from .base import *  # noqa: F403
from .base import env

REQUIRED = [
    "DJANGO_SECRET_KEY",
    "DJANGO_ALLOWED_HOSTS",
    "DATABASE_URL",
    # {% if cookiecutter.broker == "redis" %}
    "REDIS_URL",
    # {% else %}
    "AMQP_URL",
    # {% endif %}
]
if missing := [name for name in REQUIRED if not env(name, default="")]:
    raise ImproperlyConfigured(
        f"Production does not start without {', '.join(missing)}. "
        "Set them in the environment; .env.example says what each is."
    )

# The balancer in front ends TLS and says so in this header. It must drop the header when a client sends it.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = env.bool("DJANGO_SECURE_SSL_REDIRECT", default=True)
SECURE_REDIRECT_EXEMPT = [r"^health/"]  # probes speak plain HTTP
SECURE_HSTS_SECONDS = env.int("DJANGO_SECURE_HSTS_SECONDS", default=31_536_000)  # a year
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("DJANGO_SECURE_HSTS_INCLUDE_SUBDOMAINS", default=True)
SECURE_HSTS_PRELOAD = env.bool("DJANGO_SECURE_HSTS_PRELOAD", default=True)
use_log_format(LOGGING, env("LOG_FORMAT", default="json"))  # noqa: F405
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
# {% if cookiecutter.sentry %}

if SENTRY_DSN:  # noqa: F405
    from djcelery_jobs import start_sentry

    start_sentry(dsn=SENTRY_DSN, environment=SENTRY_ENVIRONMENT, release=SENTRY_RELEASE)  # noqa: F405
# {% endif %}
