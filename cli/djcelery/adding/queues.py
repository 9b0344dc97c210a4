"""Add a queue: its workload class in the settings, and whatever starts, keeps and scales its workers."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from djcelery.adding.fragments import Fragment, Item
from djcelery.adding.places import Places
from djcelery.adding.processes import ComposeService, Documents, WorkerLine
from djcelery.editing import NotEditable
from djcelery.editing.python import Container, PythonSource
from djcelery.errors import CommandError, UsageError

# It becomes part of names in Kubernetes, which know no underscores.
NAME = re.compile(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?")
COMPOSE = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
MANIFESTS = "deploy/kubernetes"
GRACE = 60  # seconds on top of the hard limit, for a pod that stops

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: worker-{name}
spec:
  selector:
    matchLabels:
      app: worker-{name}
  template:
    metadata:
      labels:
        app: worker-{name}
    spec:
      terminationGracePeriodSeconds: {grace}
      containers:
        - name: app
          command: ["python", "manage.py", "worker", "{name}"]
          resources:
            requests:
              cpu: {cpu}m
              memory: {memory}Mi
            limits:
              memory: {memory_limit}Mi
"""

DISRUPTION = """\
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: worker-{name}
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      app: worker-{name}
"""

SCALING = """\
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: worker-{name}
spec:
  scaleTargetRef:
    name: worker-{name}
  minReplicaCount: 1
  maxReplicaCount: 5
  triggers:
    - name: queue
{trigger}\
      authenticationRef:
        name: broker
    - name: age
      type: postgresql
      metricType: Value
      metadata:
        targetQueryValue: "{age}"
        query: >-
          SELECT COALESCE(EXTRACT(EPOCH FROM now() - MIN(waiting_since)), 0)::float8 FROM djcelery_jobs_job
          WHERE queue = '{name}' AND state = 'waiting' AND started_at IS NULL AND NOT held
      authenticationRef:
        name: database
    - name: busy
      type: postgresql
      metadata:
        targetQueryValue: "{busy:g}"
        query: >-
          SELECT COALESCE(SUM(running), 0)::float8 FROM djcelery_jobs_heartbeat
          WHERE queues @> '["{name}"]' AND seen_at > now() - interval '1 minute'
      authenticationRef:
        name: database
"""

TRIGGERS = {
    "redis": """\
      type: redis
      metadata:
        listName: {key}
        listLength: "{length}"
        databaseIndex: "0"
""",
    "rabbitmq": """\
      type: rabbitmq
      metadata:
        protocol: amqp
        queueName: {key}
        mode: QueueLength
        value: "{length}"
""",
}


@dataclass(frozen=True, slots=True)
class QueueSpec:
    """Describe a workload class. Limits are in seconds."""

    name: str
    concurrency: int = 2
    prefetch: int = 1
    soft: int = 300
    hard: int = 330

    @property
    def arguments(self) -> dict[str, int]:
        """Return the arguments of the class."""
        return {
            "concurrency": self.concurrency,
            "prefetch": self.prefetch,
            "soft_limit": self.soft,
            "hard_limit": self.hard,
        }


def make_spec(name: str, concurrency: int, prefetch: int, soft: int | None, hard: int | None) -> QueueSpec:
    """Return a workload class; the limit that is not given follows from the other. Raise UsageError for a bad value."""
    if not NAME.fullmatch(name):
        hint = "Use up to 40 lower-case letters, digits and hyphens, with a letter first."
        raise UsageError(f'"{name}" is not a name for a queue.', hint)
    if soft is None:
        soft = 300 if hard is None else max(hard - max(hard // 10, 10), hard // 2)
    if hard is None:
        hard = soft + max(soft // 10, 10)
    if not 0 < soft < hard:
        raise UsageError(f"--soft {soft} must be positive and below --hard {hard}.", "Both are seconds.")
    return QueueSpec(name, concurrency, prefetch, soft, hard)


def existing_spec(places: Places, name: str) -> QueueSpec:
    """Return a workload class as the settings declare it."""
    call = places.items(places.workloads)[name]
    words = call.keywords if isinstance(call, ast.Call) else []
    values = {word.arg: word.value.value for word in words if isinstance(word.value, ast.Constant)}
    names = {"concurrency": "concurrency", "prefetch": "prefetch", "soft_limit": "soft", "hard_limit": "hard"}
    known = {names[key]: value for key, value in values.items() if key in names and isinstance(value, int)}
    return QueueSpec(name, **known)


def refuse_other_queue(places: Places, spec: QueueSpec) -> None:
    """Raise CommandError if the class exists with other values."""
    if spec.name not in places.keys(places.workloads):
        return
    existing = existing_spec(places, spec.name)
    if existing != spec:
        values = ", ".join(f"{name}={value}" for name, value in existing.arguments.items())
        hint = "Edit it there, or remove the queue first."
        raise CommandError(f"The queue {spec.name} exists already in the settings, with {values}.", hint)


def queue_fragments(places: Places, spec: QueueSpec) -> list[Fragment]:
    """Return the fragments of a workload class: one for each file that names the classes."""
    reason = f"start a worker for {spec.name}"
    fragments: list[Fragment] = [_workload(places, spec)]
    if (places.root / "Procfile").is_file():
        fragments.append(WorkerLine("Procfile", spec.name, reason))
    for path in COMPOSE:
        if (places.root / path).is_file() and b"worker" in (places.root / path).read_bytes():
            fragments.append(ComposeService(path, spec.name, reason))
    return fragments + _manifests(places, spec)


def uses(places: Places, name: str) -> list[str]:
    """Return the tasks that are routed to a class."""
    return [task for task, queue in places.tasks().items() if queue == name]


def _workload(places: Places, spec: QueueSpec) -> Fragment:
    literal = places.workloads

    def find(source: PythonSource) -> Container:
        if literal is None:
            raise NotEditable("no dict WORKLOADS was found")
        return literal.find(source)

    def value(_source: PythonSource, _near: Container) -> str:
        return f"Workload({', '.join(f'{key}={number}' for key, number in spec.arguments.items())})"

    path = literal.path if literal else "settings"
    return Item(path, find, spec.name, value, f"declare the workload class {spec.name}")


def _key_in_broker(manifest: str, name: str, classes: list[str]) -> str:
    """Return the name that a queue has in the broker, with the prefix and the quotes of the other queues there."""
    for match in re.finditer(r"^ *(?:listName|queueName): (?P<quote>[\"']?)(?P<key>[^\s\"']+)", manifest, re.M):
        for other in classes:
            prefix = match["key"].removesuffix(other)
            if other != name and prefix != match["key"] and not re.search(r"[\w-]$", prefix):
                return f"{match['quote']}{prefix}{name}{match['quote']}"
    return name


def _manifests(places: Places, spec: QueueSpec) -> list[Fragment]:
    """Return the documents for Kubernetes, as far as the project has manifests."""
    base = f"{MANIFESTS}/base"
    memory = 128 + 64 * spec.concurrency
    values = {
        "name": spec.name,
        "grace": spec.hard + GRACE,
        "cpu": 125 * spec.concurrency,
        "memory": memory,
        "memory_limit": 2 * memory,
        "age": min(max(spec.soft // 5, 5), 300),
        "busy": 0.75 * spec.concurrency,
        "length": 10 * spec.concurrency,
    }
    name = f"worker-{spec.name}"
    documents = [
        Documents(f"{base}/workers.yaml", "Deployment", name, DEPLOYMENT.format(**values), "run its workers"),
        Documents(f"{base}/disruption.yaml", "PodDisruptionBudget", name, DISRUPTION.format(**values),
                  "stop one pod at a time"),
    ]  # fmt: skip
    for broker, trigger in TRIGGERS.items():
        path = f"{MANIFESTS}/scaling/{broker}.yaml"
        if not (places.root / path).is_file():
            continue
        key = _key_in_broker((places.root / path).read_text(encoding="utf-8"), spec.name, places.classes())
        text = SCALING.format(**values, trigger=trigger.format(**values, key=key))
        documents.append(Documents(path, "ScaledObject", name, text, "scale its workers with its jobs"))
    return [document for document in documents if (places.root / document.path).is_file()]
