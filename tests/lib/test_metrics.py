"""Test what Prometheus gets, read by its own parser."""

import threading
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Permission
from prometheus_client.parser import text_string_to_metric_families

from djcelery_jobs.brokers.single_flight import SingleFlight
from djcelery_jobs.dashboard import health, metrics
from djcelery_jobs.dashboard.snapshot import BeatState, QueueState, Snapshot, WorkerState
from djcelery_jobs.models import Tally
from djcelery_jobs.tasks import prune

pytestmark = pytest.mark.django_db
TOKEN = {"HTTP_AUTHORIZATION": "Bearer not-a-real-token"}
NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def token(settings):
    settings.DJCELERY_JOBS = {"METRICS_TOKEN": "not-a-real-token"}


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Return the value of each series, by its name and the values of its labels in the order of their names."""
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(each.name, *(value for _, value in sorted(each.labels.items()))): each.value for each in found}


def test_what_waits_and_what_ran(client, broker):
    prune.delay()
    for outcome, count, seconds, buckets in (
        ("done", 7, 90.5, {"0.1": 5, "60.0": 1, "+Inf": 1}),
        ("failed", 2, 1, {"1.0": 1}),  # of one that was killed nobody knows how long it took
    ):
        row = {"outcome": outcome, "count": count, "seconds": seconds, "buckets": buckets}
        Tally.objects.create(queue="slow", task="djcelery_jobs.tasks.prune", **row)

    found = samples(client.get("/metrics", **TOKEN).content.decode())

    task, buckets = ("slow", "djcelery_jobs.tasks.prune"), ("0.05", "0.1", "1.0", "60.0", "1800.0", "+Inf")
    assert (found["jobs_queue_waiting", "slow"], found["jobs_queue_waiting", "fast"]) == (1, 0)
    assert [found["jobs_runs_total", outcome, *task] for outcome in ("done", "failed")] == [7, 2]
    assert [found["jobs_run_seconds_bucket", le, *task] for le in buckets] == [0, 5, 6, 7, 7, 8]
    assert (found["jobs_run_seconds_count", *task], found["jobs_run_seconds_sum", *task]) == (8, 91.5)
    assert (found[("jobs_broker_up",)], found[("jobs_beat_up",)]) == (1, 0)


def test_what_nobody_knows_is_absent():
    queue = QueueState(name="slow", waiting=None, oldest=None, running=1, consumers=2, rate=0, dead=3)
    workers = [
        WorkerState("a", ["slow"], 1, 0, NOW, alive=True, consuming=True, started=NOW),
        WorkerState("b", ["slow"], 1, 0, NOW, alive=True, consuming=False, started=NOW),
        WorkerState("c", ["slow"], 1, 0, NOW, alive=False, consuming=True, started=NOW),
    ]
    beat = BeatState(alive=True, holder="host", seen=NOW, entries=[])
    state = Snapshot(at=NOW, broker="down", queues=[queue], workers=workers, beat=beat, overdue=12)

    assert samples(metrics.exposition(metrics.families(state, [])).decode()) == {
        ("jobs_broker_up",): 0,
        ("jobs_beat_up",): 1,
        ("jobs_relay_overdue_seconds",): 12,
        ("jobs_workers", "true"): 1,
        ("jobs_workers", "false"): 1,
        ("jobs_queue_running", "slow"): 1,
        ("jobs_queue_consumers", "slow"): 2,
        ("jobs_queue_paused", "slow"): 0,
        ("jobs_queue_dead", "slow"): 3,
    }


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer wrong", "Basic not-a-real-token", "Bearer n\xf6", "Bearer " + "x" * 10_000]
)
def test_strangers_get_nothing(client, given):
    answer = client.get("/metrics", HTTP_AUTHORIZATION=given)

    assert answer.status_code == 403
    assert b"jobs_" not in answer.content


def test_without_a_token_in_the_settings_no_token_fits(client, settings):
    settings.DJCELERY_JOBS = {"METRICS_TOKEN": ""}
    assert client.get("/metrics", HTTP_AUTHORIZATION="Bearer ").status_code == 403


def test_people_need_the_permission_to_see_jobs(client, django_user_model, broker):
    somebody = django_user_model.objects.create_user("somebody", is_staff=True)
    client.force_login(somebody)
    assert client.get("/metrics").status_code == 403

    somebody.user_permissions.add(Permission.objects.get(codename="view_job"))
    assert client.get("/metrics").status_code == 200

    django_user_model.objects.update(is_staff=False)
    assert client.get("/metrics").status_code == 403


def test_it_can_only_be_read(client):
    assert client.post("/metrics", b"x" * 100_000, content_type="text/plain", **TOKEN).status_code == 405


def test_a_database_that_hangs_is_not_waited_for(client, monkeypatch):
    over = threading.Event()
    monkeypatch.setitem(health.PARTS, "database", SingleFlight(lambda: over.wait(30)))
    monkeypatch.setattr(health, "SECONDS", 0.1)

    assert client.get("/metrics", **TOKEN).status_code == 503
    over.set()
