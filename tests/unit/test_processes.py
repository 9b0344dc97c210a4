"""Test what infrastructure files start, as facts, and what the rules make of it."""

from __future__ import annotations

from djcelery.project.infrastructure import processes_in, scalings_in
from djcelery.project.project import Project
from djcelery.rules import judge

WORKERS = b"""\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: worker-fast
spec:
  template:
    spec:
      terminationGracePeriodSeconds: 60
      containers:
        - name: app
          command: ["python", "manage.py", "worker", "fast"]
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: worker-slow
spec:
  replicas: 3
  template:
    spec:
      containers:
        - name: app
          command: ["python", "manage.py", "worker", "slow"]
"""
APP = """\
from celery import Celery

app = Celery("shop")
app.config_from_object("django.conf:settings", namespace="CELERY")
"""


def test_a_deployment_is_known_by_its_own_name_and_place():
    fast, slow = processes_in("workers.yaml", WORKERS)
    assert (fast.name, fast.line, fast.queues, fast.replicas, fast.grace) == ("worker-fast", 4, ["fast"], 1, 60)
    assert (slow.name, slow.line, slow.queues, slow.replicas, slow.grace) == ("worker-slow", 16, ["slow"], 3, 30)
    assert slow.surges


def test_what_keda_scales_is_seen_with_its_bound():
    text = b"kind: ScaledObject\nspec:\n  scaleTargetRef:\n    name: beat\n"
    (scaling,) = scalings_in("scaling.yaml", text)
    assert (scaling.line, scaling.target, scaling.max_replicas) == (4, "beat", 100)


def test_a_unit_of_systemd_is_read_and_a_template_is_not():
    unit = b"[Service]\nExecStart=-/srv/bin/celery -A shop worker -Q fast\nTimeoutStopSec=2m\n"
    (worker,) = processes_in("deploy/shop.service", unit)
    assert (worker.name, worker.line, worker.queues, worker.grace) == ("shop", 2, ["fast"], 120)
    assert processes_in("deploy/shop@.service", unit.replace(b"fast", b"%i")) == []


def test_a_grace_below_the_time_limit_is_a_hint():
    texts = {
        "shop/celery.py": APP,
        "shop/settings.py": "INSTALLED_APPS = []\nCELERY_TASK_TIME_LIMIT = 300\n",
        "compose.yaml": "services:\n  worker:\n    command: celery -A shop worker\n",
    }
    found = [(each.severity, each.path, each.line) for each in judge(Project.of(dict(texts))) if each.code == "DJC809"]
    assert found == [("hint", "compose.yaml", 2)]
    longer = {**texts, "compose.yaml": texts["compose.yaml"] + "    stop_grace_period: 5m\n"}
    assert "DJC809" not in {each.code for each in judge(Project.of(dict(longer)))}
