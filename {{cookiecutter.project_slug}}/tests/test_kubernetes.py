"""The manifests start what the settings declare, and give each worker the time to finish what it runs."""

import re
from pathlib import Path

import pytest
import yaml
from django.conf import settings

MANIFESTS = settings.BASE_DIR / "deploy" / "kubernetes"


def objects(path: Path) -> list[dict]:
    return list(yaml.safe_load_all(path.read_text()))


def named(found: list[dict], kind: str) -> dict[str, dict]:
    """The specs of all objects of a kind, by name."""
    return {each["metadata"]["name"]: each["spec"] for each in found if each["kind"] == kind}


BASE = [each for path in sorted((MANIFESTS / "base").glob("*.yaml")) for each in objects(path)]
WORKERS = named(objects(MANIFESTS / "base" / "workers.yaml"), "Deployment")
[SCALING] = [path for path in (MANIFESTS / "scaling").glob("*.yaml") if path.stem in ("redis", "rabbitmq")]
SCALED = named(objects(SCALING), "ScaledObject")


def container(deployment: dict) -> dict:
    [only] = deployment["template"]["spec"]["containers"]
    return only


def test_each_class_of_work_has_workers_and_nothing_else_has():
    commands = {name: container(worker)["command"] for name, worker in WORKERS.items()}

    assert commands == {f"worker-{name}": ["python", "manage.py", "worker", name] for name in settings.WORKLOADS}


@pytest.mark.parametrize("name", settings.WORKLOADS)
def test_a_worker_has_the_time_to_finish_what_it_runs(name):
    grace = WORKERS[f"worker-{name}"]["template"]["spec"]["terminationGracePeriodSeconds"]

    assert grace >= settings.WORKLOADS[name].hard_limit + settings.CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT + 10


def triggers(name: str) -> dict[str, dict[str, str]]:
    """What the class is scaled by."""
    return {trigger["name"]: trigger["metadata"] for trigger in SCALED[f"worker-{name}"]["triggers"]}


@pytest.mark.parametrize("name", settings.WORKLOADS)
def test_each_class_of_work_is_scaled_by_its_own_jobs(name):
    queue, *asked = triggers(name).values()

    assert SCALED[f"worker-{name}"]["scaleTargetRef"]["name"] == f"worker-{name}"
    assert name in (queue.get("listName"), queue.get("queueName"))
    assert asked
    assert all(f"queue = '{name}'" in each["query"] or f"'[\"{name}\"]'" in each["query"] for each in asked)


@pytest.mark.parametrize("name", settings.WORKLOADS)
def test_busy_workers_ask_for_more_before_all_of_their_processes_are(name):
    busy = triggers(name).get("busy", triggers(name).get("work"))

    assert float(busy["targetQueryValue"]) <= settings.WORKLOADS[name].concurrency


def test_only_what_is_declared_is_scaled():
    assert set(SCALED) == {f"worker-{name}" for name in settings.WORKLOADS}


def test_what_may_go_down_to_no_pod_counts_what_waits_and_runs():
    idle = [name for name in settings.WORKLOADS if SCALED[f"worker-{name}"]["minReplicaCount"] == 0]

    assert all("work" in triggers(name) for name in idle)


def test_one_beat_runs_and_it_stops_before_the_next_one_starts():
    beat = named(BASE, "Deployment")["beat"]

    assert (beat["replicas"], beat["strategy"]["type"]) == (1, "Recreate")


def test_draining_a_node_never_takes_all_pods_of_a_kind_at_once():
    budgets = named(BASE, "PodDisruptionBudget")

    assert set(budgets) == {"web", *WORKERS}
    assert all(budget["selector"]["matchLabels"] == {"app": name} for name, budget in budgets.items())


def test_pods_run_as_the_user_of_the_image():
    [user] = re.findall(r"--uid (\d+)", (settings.BASE_DIR / "Dockerfile").read_text())
    [pod] = objects(MANIFESTS / "base" / "pod.yaml")

    assert pod["spec"]["template"]["spec"]["securityContext"]["runAsUser"] == int(user)
