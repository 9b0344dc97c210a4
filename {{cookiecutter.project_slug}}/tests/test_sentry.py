"""Errors go to Sentry from production, and only when it is told where."""

SECRETS = dict.fromkeys(["DJANGO_SECRET_KEY", "DJANGO_ALLOWED_HOSTS"], "x" * 64) | {
    "DATABASE_URL": "postgres://user:password@localhost/shop",
    "REDIS_URL": "redis://localhost:6379/0",
    "AMQP_URL": "amqp://guest:guest@localhost:5672//",
}


def test_without_an_address_nothing_is_sent(environment, monkeypatch):
    started = []
    monkeypatch.setattr("sentry_sdk.init", lambda **options: started.append(options))

    environment("production", **SECRETS, SENTRY_DSN="")

    assert started == []


def test_with_an_address_errors_are_reported_without_what_is_private(environment, monkeypatch):
    started = []
    monkeypatch.setattr("sentry_sdk.init", lambda **options: started.append(options))

    environment("production", **SECRETS, SENTRY_DSN="https://key@sentry.example.com/1")

    assert started[0]["dsn"] == "https://key@sentry.example.com/1"
    assert started[0]["send_default_pii"] is False
