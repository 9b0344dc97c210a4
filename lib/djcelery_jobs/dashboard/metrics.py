"""Answer `GET /metrics` in the format of Prometheus.

The numbers come from the broker and the database, not from this process. So they are the same whichever web process
answers, and they count the runs of all workers.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import Future

from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from djcelery_jobs.brokers.memory import shared_used_share
from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.core.run_counts import BOUNDS, OVERFLOW, Runs
from djcelery_jobs.dashboard import health
from djcelery_jobs.dashboard.snapshot import Snapshot, take_snapshot
from djcelery_jobs.models import Tally

# For each queue: the metric, its help and the attribute of QueueState. None is not exposed: nobody knows it now.
QUEUE_METRICS = [
    ("jobs_queue_waiting", "Messages that no worker has yet", "waiting"),
    ("jobs_queue_oldest_seconds", "Seconds that the oldest job has waited; absent while nothing waits", "oldest"),
    ("jobs_queue_running", "Jobs that live workers run", "running"),
    ("jobs_queue_consumers", "Live workers that consume the queue", "consumers"),
    ("jobs_queue_paused", "1 while the queue is paused", "paused"),
    ("jobs_queue_dead", "Dead jobs that wait for a decision, counted up to 10,000", "dead"),
]


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer whoever sends `Authorization: Bearer METRICS_TOKEN` or may see jobs in the admin. 403 for all others."""
    if not _allowed(request):
        return _refusal(403, "Send METRICS_TOKEN as a bearer token, or log in.")
    if health.parts()["database"] != "ok":
        return _refusal(503, "The database does not answer.")
    memory, deadline = shared_used_share.start(), time.monotonic() + health.SECONDS
    snapshot = take_snapshot()
    metric_families = families(snapshot, Tally.objects.all(), memory_share=_in_time(memory, deadline))
    return HttpResponse(exposition(metric_families), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _in_time(answer: Future[float | None], deadline: float) -> float | None:
    """Return what the broker answers until the deadline, which is on the monotonic clock. None: nothing."""
    try:
        return answer.result(timeout=max(0, deadline - time.monotonic()))
    except Exception:  # noqa: BLE001  whatever it is, jobs_broker_up says that the broker is down
        return None


def _allowed(request: HttpRequest) -> bool:
    authorization = request.headers.get("Authorization", "")
    token = jobs_settings.METRICS_TOKEN
    if token and constant_time_compare(authorization, f"Bearer {token}"):
        return True
    return request.user.is_staff and request.user.has_perm("djcelery_jobs.view_job")


def _refusal(status: int, reason: str) -> HttpResponse:
    return HttpResponse(f"{reason}\n", status=status, content_type="text/plain")


class _Collector:
    """Give prometheus_client the metrics that it asks for."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self.collect = lambda: metrics


def exposition(metrics: Iterable[Metric]) -> bytes:
    """Return the metrics in the text format."""
    registry = CollectorRegistry()
    registry.register(_Collector(metrics))
    return generate_latest(registry)


def families(snapshot: Snapshot, tallies: Iterable[Tally], *, memory_share: float | None = None) -> Iterator[Metric]:
    """Yield every metric. memory_share: of the broker, if it says."""
    yield GaugeMetricFamily("jobs_broker_up", "1 while the broker answers within a second", snapshot.broker == "ok")
    if memory_share is not None:
        text = "Share of its memory that Redis uses, from 0 to 1"
        yield GaugeMetricFamily("jobs_broker_memory_share", text, memory_share)
    yield GaugeMetricFamily("jobs_beat_up", "1 while a beat holds its lock", snapshot.beat.alive)
    yield GaugeMetricFamily(
        "jobs_relay_overdue_seconds", "Seconds that the next job is overdue for the relay", snapshot.overdue
    )
    yield _workers(snapshot)
    for name, text, attribute in QUEUE_METRICS:
        family = GaugeMetricFamily(name, text, labels=["queue"])
        for queue in snapshot.queues:
            if (value := getattr(queue, attribute)) is not None:
                family.add_metric([queue.name], value)
        yield family
    yield from _runs(list(tallies))


def _workers(snapshot: Snapshot) -> Metric:
    text = "Live workers, by whether they consume all queues that they were started for"
    family = GaugeMetricFamily("jobs_workers", text, labels=["consuming"])
    for consuming in (True, False):
        count = sum(worker.alive and worker.consuming is consuming for worker in snapshot.workers)
        family.add_metric([str(consuming).lower()], count)
    return family


def _runs(tallies: list[Tally]) -> Iterator[Metric]:
    text = "Runs that ended: done, failed or retried; and jobs that were cancelled or had expired before a run"
    runs = CounterMetricFamily("jobs_runs", text, labels=["queue", "task", "outcome"])
    by_task: dict[tuple[str, str], Runs] = defaultdict(Runs)
    for tally in tallies:
        runs.add_metric([tally.queue, tally.task, tally.outcome], tally.count)
        by_task[tally.queue, tally.task].merge(Runs(tally.count, tally.seconds, tally.buckets))
    yield runs
    text = "Seconds that runs took, whatever their outcome"
    seconds = HistogramMetricFamily("jobs_run_seconds", text, labels=["queue", "task"])
    for labels, counted in by_task.items():
        seconds.add_metric(list(labels), _buckets(counted), counted.seconds)
    yield seconds


def _buckets(runs: Runs) -> list[tuple[str, float]]:
    """Return cumulative buckets: Prometheus counts in each of them also what is in the smaller ones."""
    total = 0
    buckets: list[tuple[str, float]] = []
    for bound in (*map(str, BOUNDS), OVERFLOW):
        total += runs.buckets.get(bound, 0)
        buckets.append((bound, total))
    return buckets
