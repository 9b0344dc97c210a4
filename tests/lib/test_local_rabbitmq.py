"""`manage.py dev` uses the RabbitMQ that is there, or says what to start."""

import pytest
from django.core.management import CommandError, call_command

from djcelery_jobs.brokers.local_broker import local_broker


def test_says_what_to_start_where_no_broker_answers(tmp_path, free_port, db, settings):
    settings.CELERY_BROKER_URL = f"amqp://guest:guest@127.0.0.1:{free_port}//"
    with pytest.raises(CommandError, match="No RabbitMQ answers"):
        call_command("dev")


def test_uses_the_broker_that_answers(tmp_path, monkeypatch):
    monkeypatch.setattr("djcelery_jobs.brokers.local_broker.answers", lambda url: True)
    with local_broker("amqp://localhost//", tmp_path) as what:
        assert "Using the RabbitMQ" in what
