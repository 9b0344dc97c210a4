"""Settings for servers. Secrets come from the environment, and no process starts without them."""

from django.core.exceptions import ImproperlyConfigured

from djcelery_jobs import use_log_format

from .base import *  # noqa: F403
from .base import ALLOWED_HOSTS, LOGGING, SECRET_KEY, env

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
        "Set them in the environment; .env.example explains each."
    )
if len(SECRET_KEY) < 50:
    raise ImproperlyConfigured(
        "DJANGO_SECRET_KEY must have at least 50 characters. "
        "Make one: python -c 'import secrets; print(secrets.token_urlsafe(50))'"
    )
if "*" in ALLOWED_HOSTS:
    raise ImproperlyConfigured("DJANGO_ALLOWED_HOSTS must name your hosts. With * anyone can choose the host in links.")

# The proxy in front terminates TLS and says so in this header. It must remove the header from what a client sends.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = env.bool("DJANGO_SECURE_SSL_REDIRECT", default=True)
SECURE_REDIRECT_EXEMPT = [r"^health/"]  # health checks use plain HTTP
# Browsers remember HSTS for this many seconds, and you cannot take it back. Start with an hour. When HTTPS works
# everywhere, raise it to a year, and decide about subdomains and preload. Django's warnings about both are silenced.
SECURE_HSTS_SECONDS = env.int("DJANGO_SECURE_HSTS_SECONDS", default=3600)
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("DJANGO_SECURE_HSTS_INCLUDE_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD = env.bool("DJANGO_SECURE_HSTS_PRELOAD", default=False)
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True

use_log_format(LOGGING, env("LOG_FORMAT", default="json"))
# {% if cookiecutter.sentry %}

if SENTRY_DSN:  # noqa: F405
    from djcelery_jobs import start_sentry

    start_sentry(dsn=SENTRY_DSN, environment=SENTRY_ENVIRONMENT, release=SENTRY_RELEASE)  # noqa: F405
# {% endif %}
