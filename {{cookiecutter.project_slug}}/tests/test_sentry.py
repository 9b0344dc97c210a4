"""Errors go to Sentry from production, and only when it is told where."""

import pytest

SECRETS = dict.fromkeys(["DJANGO_SECRET_KEY", "DJANGO_ALLOWED_HOSTS"], "x" * 64) | {
    "DATABASE_URL": "postgres://user:password@localhost/shop",
    "REDIS_URL": "redis://localhost:6379/0",
    "AMQP_URL": "amqp://guest:guest@localhost:5672//",
}


@pytest.fixture
def started(monkeypatch):
    """Return the options of each start of Sentry."""
    started = []
    monkeypatch.setattr("djcelery_jobs.telemetry.sentry.start_sentry", lambda **options: started.append(options))
    return started


def test_without_an_address_nothing_is_sent(environment, started):
    environment("production", **SECRETS, SENTRY_DSN="")

    assert started == []


def test_with_an_address_errors_are_reported(environment, started):
    environment("production", **SECRETS, SENTRY_DSN="https://key@sentry.example.com/1", SENTRY_RELEASE="1.2.3")

    assert started == [{"dsn": "https://key@sentry.example.com/1", "environment": "production", "release": "1.2.3"}]
