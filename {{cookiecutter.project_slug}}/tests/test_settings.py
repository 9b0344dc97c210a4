"""Test the values that each settings module sets, and those that it refuses."""

import re
import runpy
from importlib import import_module

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command

from djcelery_jobs.conf import jobs_settings

SLUG = settings.ROOT_URLCONF.partition(".")[0]
PRODUCTION = {
    "DJANGO_SECRET_KEY": "k3J!fQz7" * 8,
    "DJANGO_ALLOWED_HOSTS": "example.com",
    "DATABASE_URL": "postgres://user:password@localhost/name",
    "EMAIL_URL": "smtp+tls://user:secret@mail.example.com:587",
    # {% if cookiecutter.broker == "redis" %}
    "REDIS_URL": "redis://localhost:6379/0",
    # {% else %}
    "AMQP_URL": "amqp://guest:guest@localhost:5672//",
    # {% endif %}
}


def test_production_does_not_start_without_its_secrets(environment):
    required = environment("production", **PRODUCTION)["REQUIRED"]

    assert {"DJANGO_SECRET_KEY", "DJANGO_ALLOWED_HOSTS", "DATABASE_URL"} < set(required) <= set(PRODUCTION)
    for missing in required:
        with pytest.raises(ImproperlyConfigured, match=f"Production does not start without {missing}\\."):
            environment("production", **{**PRODUCTION, missing: ""})


@pytest.mark.parametrize("weak", [{"DJANGO_SECRET_KEY": "x" * 49}, {"DJANGO_ALLOWED_HOSTS": "example.com,*"}])
def test_production_refuses_weak_values(environment, weak):
    with pytest.raises(ImproperlyConfigured, match=rf"{next(iter(weak))} must "):
        environment("production", **{**PRODUCTION, **weak})


def test_production_reads_the_database_and_the_bucket_from_the_environment(environment):
    production = environment("production", **PRODUCTION, AWS_STORAGE_BUCKET_NAME="uploads")

    assert production["DATABASES"]["default"]["ENGINE"] == "django.db.backends.postgresql"
    assert production["DATABASES"]["default"]["CONN_HEALTH_CHECKS"] is True
    assert production["STORAGES"]["default"]["OPTIONS"] == {"bucket_name": "uploads"}
    assert production["DEBUG"] is False


def test_the_defaults_of_production_are_careful(environment):
    production = environment("production", **PRODUCTION)

    assert production["CELERY_WORKER_ENABLE_REMOTE_CONTROL"] is False
    assert "locmem" in production["CACHES"]["default"]["BACKEND"]
    assert production["SECURE_HSTS_SECONDS"] == 3600
    assert not production["SECURE_HSTS_INCLUDE_SUBDOMAINS"]
    assert not production["SECURE_HSTS_PRELOAD"]


@pytest.mark.parametrize("version", [(5, 2), (6, 1)])
def test_the_mail_server_is_read_from_its_url(environment, monkeypatch, version):
    monkeypatch.setattr("django.VERSION", version)
    production = environment("production", **PRODUCTION)
    mailer = production.get("MAILERS", {}).get("default", {}).get("OPTIONS", {})

    assert production.get("EMAIL_HOST", mailer.get("host")) == "mail.example.com"
    assert production.get("EMAIL_HOST_PASSWORD", mailer.get("password")) == "secret"
    assert production.get("EMAIL_USE_TLS", mailer.get("use_tls")) is True
    assert production.get("EMAIL_TIMEOUT", mailer.get("timeout")) == 10


def test_postgresql_gets_the_options_of_the_environment_and_a_pooler_gets_none(environment):
    direct = environment("local", **PRODUCTION, PGOPTIONS="-c lock_timeout=5s")["DATABASES"]["default"]
    pooled = environment("local", **PRODUCTION, DATABASE_POOLER="true")["DATABASES"]["default"]

    assert direct["OPTIONS"]["options"].endswith(" -c lock_timeout=5s")
    assert "options" not in pooled["OPTIONS"]
    assert pooled["DISABLE_SERVER_SIDE_CURSORS"] is True


def test_a_dead_peer_is_noticed_before_beat_loses_its_lease(environment):
    url = "postgres://user:password@host/name?connect_timeout=9&sslmode=require"
    options = environment("local", DATABASE_URL=url)["DATABASES"]["default"]["OPTIONS"]

    assert (options["connect_timeout"], options["sslmode"]) == (9, "require")  # the URL wins
    assert options["tcp_user_timeout"] < jobs_settings.BEAT_LEASE * 1000
    assert "tcp_keepalives_idle" in options["options"]
    assert "tcp_user_timeout" in options["options"]


def test_a_laptop_needs_no_variables(environment):
    local = environment("local", **dict.fromkeys([*PRODUCTION, "CACHE_URL"], ""))

    assert local["DEBUG"] is True
    assert local["SECRET_KEY"]
    assert local["DATABASES"]["default"]["ENGINE"] == "django.db.backends.sqlite3"


@pytest.mark.parametrize(("module", "form"), [("local", "console"), ("production", "json")])
def test_servers_log_json_by_default(environment, module, form):
    def formatter(**variables: str) -> object:
        return environment(module, **PRODUCTION, **variables)["LOGGING"]["handlers"]["console"]["formatter"]

    assert formatter() == form
    assert formatter(LOG_FORMAT="console") == "console"


def test_gunicorn_logs_like_everything_else_and_no_second_line_per_request():
    config = runpy.run_path(str(settings.BASE_DIR / "gunicorn.conf.py"))["logconfig_dict"]

    assert config["handlers"] == settings.LOGGING["handlers"]
    assert config["loggers"]["gunicorn.error"] == {"handlers": [], "propagate": True}
    assert config["loggers"]["gunicorn.access"] == {"handlers": [], "propagate": False}


def test_failures_are_mailed_only_to_the_addresses_in_the_environment(environment):
    assert settings.ADMINS == []
    assert len(environment("local", DJANGO_ADMINS="a@example.com,b@example.com")["ADMINS"]) == 2


# {% if cookiecutter.sentry %}
@pytest.mark.parametrize("dsn", ["", "https://key@sentry.example.com/1"])
def test_errors_are_sent_to_sentry_if_it_has_an_address(environment, monkeypatch, dsn):
    started = []
    monkeypatch.setattr("djcelery_jobs.telemetry.sentry.start_sentry", lambda **options: started.append(options))

    environment("production", **PRODUCTION, SENTRY_DSN=dsn, SENTRY_RELEASE="1.2.3")

    assert started == ([{"dsn": dsn, "environment": "production", "release": "1.2.3"}] if dsn else [])


# {% endif %}
@pytest.mark.parametrize("server", ["wsgi", "asgi"])
def test_web_servers_find_the_application(server):
    assert callable(import_module(f"{SLUG}.{server}").application)


def test_no_migration_is_missing(db):
    call_command("makemigrations", "--check", "--dry-run")


def test_env_example_explains_every_variable_that_the_settings_read():
    sources = (settings.BASE_DIR / SLUG / "settings").glob("*.py")
    read = {name for source in sources for name in re.findall(r'env(?:\.\w+)?\(\s*"(\w+)"', source.read_text())}
    example = (settings.BASE_DIR / ".env.example").read_text()
    explained = set(re.findall(r"^# [^=\n]*\.\n(?:# )?(\w+)=", example, re.MULTILINE))

    assert read
    assert read - explained == set()
