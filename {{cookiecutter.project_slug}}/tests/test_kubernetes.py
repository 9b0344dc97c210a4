"""The manifests start what the settings declare, and give each worker the time to finish its jobs."""

from importlib import import_module
from pathlib import Path

import pytest
import yaml
from django.conf import settings

JOBS = import_module(f"{settings.ROOT_URLCONF.partition('.')[0]}.settings.jobs")
MANIFESTS = settings.BASE_DIR / "deploy" / "kubernetes"


def objects(path: Path) -> list[dict]:
    return list(yaml.safe_load_all(path.read_text()))


def specs(manifests: list[dict], kind: str) -> dict[str, dict]:
    """Return the specs of all objects of a kind, by name."""
    return {item["metadata"]["name"]: item["spec"] for item in manifests if item["kind"] == kind}


WORKERS = specs(objects(MANIFESTS / "base" / "workers.yaml"), "Deployment")
[SCALING] = [path for path in (MANIFESTS / "scaling").glob("*.yaml") if path.stem in ("redis", "rabbitmq")]
SCALED = specs(objects(SCALING), "ScaledObject")


def container(deployment: dict) -> dict:
    [app] = deployment["template"]["spec"]["containers"]
    return app


def test_each_workload_class_has_workers_and_nothing_else_has():
    commands = {name: container(worker)["command"] for name, worker in WORKERS.items()}

    assert commands == {f"worker-{name}": ["python", "manage.py", "worker", name] for name in settings.WORKLOADS}


@pytest.mark.parametrize("name", settings.WORKLOADS)
def test_a_worker_has_the_time_to_finish_its_jobs(name):
    grace = WORKERS[f"worker-{name}"]["template"]["spec"]["terminationGracePeriodSeconds"]

    assert grace >= settings.WORKLOADS[name].hard_limit + settings.CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT + 10


def triggers(name: str) -> dict[str, dict[str, str]]:
    """Return the triggers that scale a workload class."""
    return {trigger["name"]: trigger["metadata"] for trigger in SCALED[f"worker-{name}"]["triggers"]}


@pytest.mark.parametrize("name", settings.WORKLOADS)
def test_each_workload_class_is_scaled_by_its_own_jobs(name):
    queue, *queries = triggers(name).values()

    assert SCALED[f"worker-{name}"]["scaleTargetRef"]["name"] == f"worker-{name}"
    # {% if cookiecutter.broker == "redis" %}
    assert queue["listName"] == JOBS.CELERY_BROKER_TRANSPORT_OPTIONS["global_keyprefix"] + name
    # {% else %}
    assert queue["queueName"] == JOBS.CELERY_BROKER_TRANSPORT_OPTIONS["name_prefix"] + name
    # {% endif %}
    assert queries
    assert all(f"queue = '{name}'" in item["query"] or f"'[\"{name}\"]'" in item["query"] for item in queries)


@pytest.mark.parametrize("name", settings.WORKLOADS)
def test_pods_are_added_before_all_processes_are_busy(name):
    busy = triggers(name).get("busy", triggers(name).get("work"))

    assert float(busy["targetQueryValue"]) <= settings.WORKLOADS[name].concurrency


def test_only_declared_classes_are_scaled():
    assert set(SCALED) == {f"worker-{name}" for name in settings.WORKLOADS}


def test_a_class_that_may_have_no_pod_counts_waiting_and_running_jobs():
    idle = [name for name in settings.WORKLOADS if SCALED[f"worker-{name}"]["minReplicaCount"] == 0]

    assert all("work" in triggers(name) for name in idle)
