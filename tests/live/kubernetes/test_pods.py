"""Run the manifests of production: pods wait, start, run jobs and leave, and KEDA's questions have answers."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from kombu import Connection

from tests.live.harness.processes import eventually
from tests.live.kubernetes.pods import Cluster, Pod

ORDER = """
from orders.models import Product
from orders.services import place_order
product = Product.objects.get(sku="TEA-01")
for number in range(20):
    place_order(product=product, quantity=1, email="jane@example.org", key=f"order-{number}")
"""
OPEN = "SELECT count(*) FROM djcelery_jobs_job WHERE state <> 'done'"


@pytest.fixture(scope="module")
def migrated(production: Cluster) -> Cluster:
    """Run the migration Job of production, and require that no pod starts before it."""
    web, job = production.pod("Deployment", "web"), production.pod("Job", "migrate")
    [waits] = web.spec["initContainers"]
    assert web.run(waits).returncode != 0, "a pod would start on a database without tables"

    done = job.run(job.container)

    assert done.returncode == 0, done.stdout + done.stderr
    assert web.run(waits).returncode == 0
    return production


@pytest.fixture
def pods(migrated: Cluster) -> Iterator[list[Pod]]:
    """Run one pod of each Deployment, with no job in the database."""
    forget_jobs(migrated)
    started = [migrated.pod("Deployment", name) for name in migrated.of_kind("Deployment")]
    for pod in started:
        pod.start()
    yield started
    for pod in started:
        if pod.process:
            pod.process.end()


def test_every_pod_starts_works_and_leaves_within_its_grace(migrated, pods, figure):
    for pod in pods:
        pod.wait_until_started()
    migrated.shell("from django.core.management import call_command\ncall_command('seed')\n" + ORDER)

    # The stock of each order is reserved by one pod, and its receipt sent by another.
    eventually("40 jobs", lambda: migrated.database.rows("SELECT count(*) FROM djcelery_jobs_job")[0][0] >= 40, 90)
    eventually("all are done", lambda: migrated.database.rows(OPEN)[0][0] == 0, 90)

    for pod in pods:
        for probe in pod.container.keys() & {"livenessProbe", "readinessProbe"}:
            eventually(f"{probe} of {pod.name}", lambda asked=pod.container[probe], pod=pod: pod.passes(asked), 30)
    for pod in pods:
        figure(f"{pod.name} on {migrated.broker.kind}: {pod.megabytes()} MB of {pod.limit}")
        assert pod.megabytes() < pod.limit
    assert {pod.name: pod.stop() for pod in pods} == {pod.name: 0 for pod in pods}


@pytest.fixture
def keda(migrated: Cluster) -> Iterator[psycopg.Connection]:
    """Yield a connection of the user that secrets.example.yaml describes."""
    example = (migrated.project.path / "deploy/kubernetes/secrets.example.yaml").read_text()
    grants = [line.lstrip("# ") for line in example.splitlines() if "GRANT" in line]
    forget_jobs(migrated)
    for statement in ("CREATE ROLE keda LOGIN", *grants):
        migrated.database.run(statement)
    url = migrated.database.url.replace("postgres@", "keda@")
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection
    migrated.database.run("DROP OWNED BY keda")
    migrated.database.run("DROP ROLE keda")


def forget_jobs(cluster: Cluster) -> None:
    for table in ("djcelery_jobs_job", "djcelery_jobs_heartbeat"):
        cluster.database.run(f"DELETE FROM {table}")  # noqa: S608  our own names


def questions(cluster: Cluster) -> dict[str, str]:
    """Return what KEDA asks the database, by class and name: `slow age`."""
    return {
        f"{name.removeprefix('worker-')} {trigger['name']}": trigger["metadata"]["query"]
        for name, scaled in cluster.of_kind("ScaledObject").items()
        for trigger in scaled["spec"]["triggers"]
        if trigger["type"] == "postgresql"
    }


def answers(connection: psycopg.Connection, cluster: Cluster) -> dict[str, float]:
    """Return the answers that are not 0."""
    found = {name: connection.execute(query).fetchone()[0] for name, query in questions(cluster).items()}
    assert len(found) == 7
    return {name: value for name, value in found.items() if value}


ROWS = """
from datetime import timedelta
from django.utils import timezone
from djcelery_jobs.models import Heartbeat, Job
now = timezone.now()
def jobs(queue, count=1, *, waiting, state="waiting", started_at=None):
    since = now - timedelta(seconds=waiting)
    more = {"publish_at": now, "waiting_since": since, "started_at": started_at}
    Job.objects.bulk_create(
        (Job(task="some.task", queue=queue, state=state, **more) for _ in range(count)), batch_size=1000
    )
def worker(name, queue, running, seen_at=now):
    Heartbeat.objects.create(worker=name, queues=[queue], running=running, started_at=now, seen_at=seen_at)
"""


def test_age_is_asked_for_each_class_alone(migrated, keda):
    assert answers(keda, migrated) == {}

    migrated.shell(
        f"{ROWS}"
        "jobs('slow', 3, waiting=90)\n"
        "jobs('slow', waiting=5000, started_at=now)\n"  # it runs
        "jobs('email', waiting=5000, state='delayed')\n"  # it need not run yet
        "jobs('fast', waiting=5000, state='done')"
    )
    found = answers(keda, migrated)

    assert 90 <= found.pop("slow age") < 120
    assert found == {}


def test_what_runs_counts_and_for_reports_what_waits_too(migrated, keda):
    migrated.shell(
        f"{ROWS}"
        "jobs('report', 2, waiting=1)\n"
        "worker('a', 'report', 1)\n"
        "worker('b', 'report', 1, now - timedelta(minutes=5))\n"  # killed
        "worker('c', 'slow', 2)"
    )

    assert answers(keda, migrated) == {"report work": 3, "slow busy": 2}


def test_the_questions_cost_the_same_beside_many_rows(migrated, keda):
    migrated.shell(f"{ROWS}jobs('fast', 5_000, waiting=10, state='done')\njobs('email', 5_000, waiting=10)")
    migrated.database.run("ANALYZE djcelery_jobs_job")

    plans = {
        name: "\n".join(line for (line,) in keda.execute(f"EXPLAIN {query}"))
        for name, query in questions(migrated).items()
    }
    assert {name for name, plan in plans.items() if "djcelery_jobs_waiting" in plan} == {
        name for name in plans if not name.endswith("busy")
    }
    assert not any("Seq Scan on djcelery_jobs_job" in plan for plan in plans.values())


def test_the_queue_that_keda_looks_at_is_the_one_that_jobs_wait_in(migrated):
    url = next(iter(migrated.broker.variables.values()))
    migrated.shell(
        "from celery import current_app as app\n"
        "for queue, count in {'fast': 3, 'slow': 2}.items():\n"
        "    for _ in range(count): app.send_task('djcelery_jobs.tasks.prune', queue=queue)"
    )
    waiting = {}
    with Connection(url) as connection:
        for name, scaled in migrated.of_kind("ScaledObject").items():
            metadata = scaled["spec"]["triggers"][0]["metadata"]
            if metadata.get("queueName", "fast").endswith(("fast", "slow")):
                waiting[name] = _length(connection, metadata)

    assert {name: count for name, count in waiting.items() if count} == {"worker-fast": 3, "worker-slow": 2}


def _length(connection: Connection, metadata: dict[str, str]) -> int:
    """Return what KEDA's scaler reads: LLEN of a list, or how many messages a passive declaration says are ready."""
    if "listName" in metadata:
        return int(connection.default_channel.client.llen(metadata["listName"]))
    return int(connection.default_channel.queue_declare(metadata["queueName"], passive=True).message_count)
