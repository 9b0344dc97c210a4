import threading
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from djcelery_jobs.brokers import queue_lengths
from djcelery_jobs.brokers.single_flight import SingleFlight
from djcelery_jobs.dashboard import health, snapshot
from djcelery_jobs.models import Heartbeat, Lease, ScheduleState

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _patience(monkeypatch):
    """Wait longer: a broker in memory may take a second on a busy machine. Tests of the bound set their own."""
    monkeypatch.setattr(snapshot, "SECONDS", 30)
    monkeypatch.setattr(health, "SECONDS", 30)


@pytest.fixture
def hangs(monkeypatch):
    """Let a part give no answer: hangs("broker")."""
    over = threading.Event()

    def hang(part: str) -> None:
        monkeypatch.setitem(health.PARTS, part, SingleFlight(lambda: over.wait(30)))

    yield hang
    over.set()


def down(monkeypatch, part: str) -> None:
    def ask() -> None:
        raise ConnectionError("amqp://user:password@host")

    monkeypatch.setitem(health.PARTS, part, SingleFlight(ask))
    if part == "broker":
        monkeypatch.setattr(queue_lengths, "shared_fetch", SingleFlight(ask))


def test_live_looks_at_nothing(client):
    assert client.get("/health/live").json() == {"status": "ok"}


def test_ready_when_every_part_answers(client, broker):
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "database": "ok", "broker": "ok"})


@pytest.mark.parametrize("part", ["database", "broker"])
def test_names_the_part_that_is_down_and_no_secret(client, monkeypatch, part):
    down(monkeypatch, part)
    answer = client.get("/health/ready")

    assert answer.status_code == 503
    assert answer.json()[part] == "down"
    assert "password" not in answer.content.decode()


def test_all_parts_together_are_waited_for_no_longer_than_one(client, monkeypatch, hangs):
    monkeypatch.setattr(health, "SECONDS", 0.2)
    waits = []
    monkeypatch.setattr(
        health,
        "outcome",
        lambda result, seconds, outcome=health.outcome: waits.append(seconds) or outcome(result, seconds),
    )
    hangs("database")
    hangs("broker")

    answer = client.get("/health/ready")

    assert answer.json() == {"status": "down", "database": "no answer", "broker": "no answer"}
    assert sum(waits) <= 0.2


# -- manage.py jobs health ------------------------------------------------------------------------------------------


def everything_runs(settings) -> None:
    now = timezone.now()
    Heartbeat.objects.create(
        worker="all-1@host", queues=list(settings.WORKLOADS), consuming=True, started_at=now, seen_at=now
    )
    Lease.objects.create(name="beat", holder="host:1", expires_at=now + timedelta(seconds=9))


def test_no_problems(broker, settings, capsys):
    everything_runs(settings)
    call_command("jobs", "health")

    told = capsys.readouterr().out
    assert told.endswith("No problems found.\n")
    assert [line.split()[:2] for line in told.splitlines() if line.startswith("fast")] == [["fast", "0"]]


@pytest.mark.parametrize(
    ("trouble", "sentence"),
    [
        (
            lambda: Heartbeat.objects.update(queues=["fast", "slow", "email"]),
            "No worker consumes the queue report.",
        ),
        (
            lambda: Heartbeat.objects.update(consuming=False),
            "The worker all-1@host is alive but does not consume its queues.",
        ),
        (lambda: Lease.objects.all().delete(), "Beat is not running"),
    ],
)
def test_trouble_is_a_sentence_and_an_exit_code(broker, settings, capsys, trouble, sentence):
    everything_runs(settings)
    trouble()

    with pytest.raises(SystemExit) as exit_:
        call_command("jobs", "health")

    assert exit_.value.code == 1
    assert sentence in capsys.readouterr().out


def test_without_a_broker_the_rest_is_told(settings, capsys, monkeypatch):
    everything_runs(settings)
    down(monkeypatch, "broker")

    with pytest.raises(SystemExit):
        call_command("jobs", "health")

    told = capsys.readouterr().out
    assert "The broker is down." in told
    assert [line.split()[:2] for line in told.splitlines() if line.startswith("fast")] == [["fast", "?"]]


def test_without_a_database_it_says_so(monkeypatch, capsys):
    down(monkeypatch, "database")
    with pytest.raises(CommandError, match="Database: down"):
        call_command("jobs", "health")


@pytest.fixture(params=["settings", "database"])
def entry(request, conf, broker):
    """Record when an hourly entry of either scheduler ran last: entry(hours_ago). A beat runs."""
    Lease.objects.update_or_create(
        name="beat", defaults={"holder": "host", "expires_at": timezone.now() + timedelta(minutes=1)}
    )
    task, hour = "djcelery_jobs.tasks.prune", timedelta(hours=1)
    if request.param == "settings":
        conf(beat_scheduler="djcelery_jobs:LockedScheduler")
        conf(beat_schedule={"hourly": {"task": task, "schedule": hour}})

        def record(hours_ago: float) -> None:
            at = timezone.now() - hours_ago * hour
            ScheduleState.objects.create(entry="hourly", last_run_at=at, runs=1)
    else:
        beat = pytest.importorskip("django_celery_beat.models", reason="an interpreter not installed with every extra")
        conf(beat_scheduler="djcelery_jobs:LockedDatabaseScheduler")
        beat.PeriodicTask.objects.all().delete()
        every = beat.IntervalSchedule.objects.create(every=1, period=beat.IntervalSchedule.HOURS)

        def record(hours_ago: float) -> None:
            at = timezone.now() - hours_ago * hour
            beat.PeriodicTask.objects.create(name="hourly", task=task, interval=every, last_run_at=at)

    return record


def schedule_problems() -> list[str]:
    return [problem for problem in health.problems(snapshot.take_snapshot()) if "hourly" in problem]


def test_an_entry_that_ran_in_time_is_no_problem(entry):
    entry(0.5)
    assert schedule_problems() == []


def test_an_entry_that_does_not_come_is_named(entry):
    entry(3)
    [problem] = schedule_problems()
    assert problem.startswith('The schedule entry "hourly" is overdue by 2 h')


def test_a_last_run_in_the_future_is_named(entry):
    entry(-24)
    [problem] = schedule_problems()
    assert problem.startswith('The last run of the schedule entry "hourly" is 1 d')


def test_without_beat_only_beat_is_named(entry):
    entry(3)
    Lease.objects.all().delete()
    assert schedule_problems() == []
