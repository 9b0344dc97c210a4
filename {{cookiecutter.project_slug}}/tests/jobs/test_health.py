import time

import pytest

from jobs import health


def test_live_looks_at_nothing(client):
    assert client.get("/health/live").json() == {"status": "ok"}


def test_ready_when_every_part_answers(client, broker, db):
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "database": "ok", "broker": "ok"})


@pytest.mark.parametrize("part", ["database", "broker"])
def test_names_the_part_that_is_down_and_no_secret(client, db, monkeypatch, part):
    def down():
        raise ConnectionError("amqp://user:password@host")

    monkeypatch.setitem(health.CHECKS, part, down)
    answer = client.get("/health/ready")

    assert answer.status_code == 503
    assert answer.json()[part] == "down"
    assert "password" not in answer.content.decode()


def test_a_part_that_hangs_is_not_waited_for(client, db, monkeypatch):
    monkeypatch.setattr(health, "SECONDS", 0.05)
    monkeypatch.setitem(health.CHECKS, "broker", lambda: time.sleep(0.3))

    assert client.get("/health/ready").json()["broker"] == "no answer"
