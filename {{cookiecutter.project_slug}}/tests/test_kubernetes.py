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


@pytest.mark.parametrize("name", settings.WORKLOADS)
def test_each_class_of_work_is_scaled_by_its_own_queue(name):
    scaled = SCALED[f"worker-{name}"]
    broker, database = (trigger["metadata"] for trigger in scaled["triggers"])

    assert scaled["scaleTargetRef"]["name"] == f"worker-{name}"
    assert name in (broker.get("listName"), broker.get("queueName"))
    assert f"queue = '{name}'" in database["query"]


def test_only_what_is_declared_is_scaled():
    assert set(SCALED) == {f"worker-{name}" for name in settings.WORKLOADS}


def test_what_may_go_down_to_no_pod_counts_what_runs():
    for scaled in SCALED.values():
        queries = [trigger["metadata"].get("query", "") for trigger in scaled["triggers"]]
        assert scaled["minReplicaCount"] > 0 or any("SUM(running)" in query for query in queries)


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
