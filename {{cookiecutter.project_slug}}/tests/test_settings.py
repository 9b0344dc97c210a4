"""What each settings module stands for."""

import os
import re
import runpy
import subprocess
import sys
from importlib import import_module

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command

from djcelery_jobs.conf import jobs_settings

SLUG = settings.ROOT_URLCONF.partition(".")[0]
SECRETS = {
    "DJANGO_SECRET_KEY": "k3J!fQz7" * 8,
    "DJANGO_ALLOWED_HOSTS": "example.com",
    "DATABASE_URL": "postgres://user:password@localhost/shop",
    # One of the two is this project's broker.
    "REDIS_URL": "redis://localhost:6379/0",
    "AMQP_URL": "amqp://guest:guest@localhost:5672//",
}


def test_production_does_not_start_without_its_secrets(environment):
    required = environment("production", **SECRETS)["REQUIRED"]

    assert {"DJANGO_SECRET_KEY", "DJANGO_ALLOWED_HOSTS", "DATABASE_URL"} < set(required) <= set(SECRETS)
    for missing in required:
        with pytest.raises(ImproperlyConfigured, match=f"Production does not start without {missing}\\."):
            environment("production", **{**SECRETS, missing: ""})


def test_production_passes_the_checks_for_deployment():
    kept = {name: os.environ[name] for name in ("PATH", "VIRTUAL_ENV", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=settings.BASE_DIR,
        env={**kept, **SECRETS, "DJANGO_SETTINGS_MODULE": f"{SLUG}.settings.production"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_production_takes_the_database_and_the_bucket_from_the_environment(environment):
    production = environment("production", **SECRETS, AWS_STORAGE_BUCKET_NAME="uploads")

    assert production["DATABASES"]["default"]["ENGINE"] == "django.db.backends.postgresql"
    assert production["DATABASES"]["default"]["CONN_HEALTH_CHECKS"] is True
    assert production["STORAGES"]["default"]["OPTIONS"] == {"bucket_name": "uploads"}
    assert production["DEBUG"] is False


def test_the_options_of_postgresql_itself_are_taken_over(environment):
    production = environment("production", **SECRETS, PGOPTIONS="-c lock_timeout=5s")

    assert production["DATABASES"]["default"]["OPTIONS"]["options"].endswith(" -c lock_timeout=5s")


def test_a_pooler_is_given_no_option_that_it_refuses(environment):
    database = environment("production", **SECRETS, DATABASE_POOLER="true")["DATABASES"]["default"]

    assert "options" not in database["OPTIONS"]
    assert database["DISABLE_SERVER_SIDE_CURSORS"] is True


def test_a_laptop_needs_no_variable_at_all(environment):
    local = environment("local", **dict.fromkeys([*SECRETS, "CACHE_URL"], ""))

    assert local["DEBUG"] is True
    assert local["SECRET_KEY"]
    assert local["DATABASES"]["default"]["ENGINE"] == "django.db.backends.sqlite3"


@pytest.mark.parametrize("server", ["wsgi", "asgi"])
def test_the_entry_points_of_web_servers(server):
    assert callable(import_module(f"{SLUG}.{server}").application)


def test_no_migration_is_missing(db):
    call_command("makemigrations", "--check", "--dry-run")


def test_every_variable_that_the_settings_read_is_explained():
    sources = (settings.BASE_DIR / SLUG / "settings").glob("*.py")
    read = {name for source in sources for name in re.findall(r'env(?:\.\w+)?\(\s*"(\w+)"', source.read_text())}
    example = (settings.BASE_DIR / ".env.example").read_text()
    explained = set(re.findall(r"^# [^=\n]*\.\n(?:# )?(\w+)=", example, re.MULTILINE))

    assert read
    assert read - explained == set()


def test_neither_side_of_a_database_connection_waits_for_a_machine_that_vanished(environment):
    url = "postgres://user:password@host/name?connect_timeout=9&sslmode=require"
    options = environment("local", DATABASE_URL=url)["DATABASES"]["default"]["OPTIONS"]

    assert (options["connect_timeout"], options["sslmode"]) == (9, "require")  # what the URL says wins
    # Beat knows of a lost connection before another beat takes its lock over.
    assert options["tcp_user_timeout"] < jobs_settings.BEAT_LEASE * 1000
    assert "tcp_keepalives_idle" in options["options"]
    assert "tcp_user_timeout" in options["options"]


@pytest.mark.parametrize(("module", "form"), [("local", "console"), ("production", "json")])
def test_servers_write_json_unless_told_otherwise(environment, module, form):
    variables = dict.fromkeys(["DJANGO_SECRET_KEY", "DJANGO_ALLOWED_HOSTS"], "x" * 64) | {
        "DATABASE_URL": "postgres://user:password@localhost/shop",
        "REDIS_URL": "redis://localhost:6379/0",
        "AMQP_URL": "amqp://guest:guest@localhost:5672//",
    }

    def formatter(**given: str) -> object:
        return environment(module, **variables, **given)["LOGGING"]["handlers"]["console"]["formatter"]

    assert formatter() == form
    assert formatter(LOG_FORMAT="console") == "console"
    with pytest.raises(ImproperlyConfigured, match=r"LOG_FORMAT is 'xml', which is not a format\. Use json"):
        formatter(LOG_FORMAT="xml")


def test_gunicorn_writes_as_all_others_do():
    told = runpy.run_path(str(settings.BASE_DIR / "gunicorn.conf.py"))

    assert told["logconfig_dict"] == settings.LOGGING
    assert settings.LOGGING["loggers"]["gunicorn.error"] == {"handlers": [], "propagate": True}


def test_nobody_is_mailed_until_the_environment_says_who(environment):
    assert settings.ADMINS == []
    local = environment("local", DJANGO_ADMINS="a@example.com,b@example.com")

    assert len(local["ADMINS"]) == 2
    assert local["LOGGING"]["loggers"]["djcelery_jobs.failure"]["handlers"] == ["mail"]
