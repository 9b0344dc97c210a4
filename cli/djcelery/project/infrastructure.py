"""Read infrastructure files for the processes that they start: Procfile, compose, Kubernetes, systemd."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from djcelery.project.files import YAML, Tree
from djcelery.project.processes import Process, Scaling

MAX_SIZE = 500_000
SHELLS = frozenset({"sh", "bash"})
KUBERNETES_GRACE = 30  # seconds, where a pod does not say otherwise
KEDA_MAX_REPLICAS = 100  # where a ScaledObject does not say otherwise
YamlMapping = dict[str, Any]


class Infrastructure:
    """Find the processes and autoscalers in the files of a code base."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree

    @cached_property
    def processes(self) -> list[Process]:
        """Return every worker and beat that a file starts."""
        processes = []
        for entry in self.tree.entries:
            is_procfile = entry.path.rpartition("/")[2].startswith("Procfile")
            if is_procfile or (entry.path.endswith((*YAML, ".service")) and entry.size < MAX_SIZE):
                try:
                    processes += processes_in(entry.path, self.tree.read(entry.path))
                except OSError:
                    continue
        return processes

    @property
    def workers(self) -> list[Process]:
        """Return the workers among the processes."""
        return [process for process in self.processes if process.role == "worker"]

    @cached_property
    def scalings(self) -> list[Scaling]:
        """Return every autoscaler of Kubernetes that can be seen."""
        return [
            scaling for path, data in self.tree.contents(YAML, max_size=MAX_SIZE) for scaling in scalings_in(path, data)
        ]


def processes_in(path: str, data: bytes) -> list[Process]:
    """Return the Celery processes that a file starts."""
    name = path.rpartition("/")[2]
    if b"celery" not in data and b"manage.py" not in data:
        return []
    text = data.decode("utf-8", "replace")
    if name.startswith("Procfile"):
        processes = list(in_procfile(path, text))
    elif name.endswith(YAML):
        processes = list(in_yaml(path, text))
    elif name.endswith(".service"):
        processes = list(in_systemd_unit(path, text))
    else:
        return []
    return [process for process in processes if process.role]


def scalings_in(path: str, data: bytes) -> Iterator[Scaling]:
    """Find the autoscalers in a file of Kubernetes."""
    if b"scaleTargetRef" not in data:
        return
    text = data.decode("utf-8", "replace")
    for document in documents(text):
        kind, spec = document.get("kind"), document.get("spec")
        if kind not in {"ScaledObject", "HorizontalPodAutoscaler"} or not isinstance(spec, dict):
            continue
        target = spec.get("scaleTargetRef")
        is_keda = kind == "ScaledObject"
        limit = spec.get("maxReplicaCount", KEDA_MAX_REPLICAS) if is_keda else spec.get("maxReplicas")
        if isinstance(target, dict) and isinstance(limit, int):
            name = str(target.get("name", ""))
            yield Scaling(path, line_of(text, rf"^\s*name:\s*{quoted(name)}\s*(?:#.*)?$"), name, limit)


# -- the kinds of files


def in_procfile(path: str, text: str) -> Iterator[Process]:
    """Find the processes of a Procfile."""
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r"([\w-]+)\s*:\s*(.+)", line)
        if match:
            yield Process(path, number, match[1], split_command(match[2]))


def in_systemd_unit(path: str, text: str) -> Iterator[Process]:
    """Find the command of a unit; a template unit is passed over, as its instances are named elsewhere."""
    command = re.search(r"^ExecStart\s*=[-@:+!]*(.+)$", text, re.M)
    if command is None or "%" in command[1]:
        return
    stop = re.search(r"^TimeoutStopSec\s*=\s*(\S+)\s*$", text, re.M)
    name = path.rpartition("/")[2].removesuffix(".service")
    line = line_of(text, r"^ExecStart\s*=")
    grace = seconds(stop[1]) if stop else None
    yield Process(path, line, name, split_command(command[1]), source="systemd", grace=grace)


def in_yaml(path: str, text: str) -> Iterator[Process]:
    """Find the processes of a compose file or of Kubernetes."""
    if "services:" not in text and "containers:" not in text:
        return
    for document in documents(text):
        yield from in_compose(path, text, document)
        yield from in_kubernetes(path, text, document)


def in_compose(path: str, text: str, document: YamlMapping) -> Iterator[Process]:
    """Find the services of a compose file that have a command."""
    services = document.get("services")
    if not isinstance(services, dict):
        return
    for name, service in services.items():
        if not isinstance(service, dict) or not service.get("command"):
            continue
        deploy = service.get("deploy") if isinstance(service.get("deploy"), dict) else {}
        replicas = service.get("scale") or (deploy or {}).get("replicas") or 1
        yield Process(
            path,
            line_of(text, rf"^\s+{quoted(str(name))}\s*:"),
            str(name),
            words_of(service["command"]),
            replicas if isinstance(replicas, int) else 1,
            "compose",
            seconds(service.get("stop_grace_period")),
        )


def in_kubernetes(path: str, text: str, document: YamlMapping) -> Iterator[Process]:
    """Find the containers of a workload of Kubernetes."""
    spec = document.get("spec")
    if document.get("kind") not in {"Deployment", "StatefulSet", "DaemonSet"} or not isinstance(spec, dict):
        return
    pod = (spec.get("template") or {}).get("spec") if isinstance(spec.get("template"), dict) else None
    for container in (pod or {}).get("containers") or []:
        if not isinstance(container, dict):
            continue
        words = [*words_of(container.get("command") or []), *words_of(container.get("args") or [])]
        replicas = spec.get("replicas", 1)
        name = name_of(document) or str(container.get("name", ""))
        grace = (pod or {}).get("terminationGracePeriodSeconds")
        line = line_of(text, rf"^\s*(?:-\s+)?name:\s*{quoted(name)}\s*(?:#.*)?$")
        replicas = replicas if isinstance(replicas, int) else 1
        grace = grace if isinstance(grace, int) else KUBERNETES_GRACE
        yield Process(path, line, name, words, replicas, "kubernetes", grace, surges(document, spec))


def surges(document: YamlMapping, spec: YamlMapping) -> bool:
    """Return whether a Deployment starts the new pod before the old one has ended, as it does by default."""
    strategy = spec.get("strategy")
    strategy = strategy if isinstance(strategy, dict) else {}
    rolling = strategy.get("rollingUpdate")
    surge = rolling.get("maxSurge") if isinstance(rolling, dict) else None
    return document.get("kind") == "Deployment" and strategy.get("type") != "Recreate" and surge not in {0, "0", "0%"}


def name_of(document: YamlMapping) -> str:
    """Return the name of an object of Kubernetes."""
    metadata = document.get("metadata")
    return str(metadata.get("name") or "") if isinstance(metadata, dict) else ""


# -- commands and values


def split_command(command: str) -> list[str]:
    """Split a command line into words, without the shell around it and the commands before it."""
    try:
        words = shlex.split(command, comments=False)
    except ValueError:
        words = command.split()
    runs_shell = len(words) >= 3 and words[0].rpartition("/")[2] in SHELLS
    if runs_shell and words[1].startswith("-") and "c" in words[1]:
        return split_command(" ".join(words[2:]))
    if "&&" in words:
        return words[len(words) - words[::-1].index("&&") :]
    return words


def words_of(command: object) -> list[str]:
    """Return the words of a command that YAML holds as a text or as a list."""
    if isinstance(command, str):
        return split_command(command)
    if isinstance(command, list):
        words = [str(word) for word in command]
        return split_command(shlex.join(words)) if words and words[0].rpartition("/")[2] in SHELLS else words
    return []


def seconds(value: object) -> int | None:
    """Return the seconds of a duration such as 30, `30s` or `1m30s`."""
    if isinstance(value, int):
        return value
    match = re.fullmatch(r"(?:(\d+)m)?(?:(\d+)s?)?", str(value)) if value is not None else None
    return int(match[1] or 0) * 60 + int(match[2] or 0) if match and (match[1] or match[2]) else None


def documents(text: str) -> list[YamlMapping]:
    """Return the mappings of a YAML file; none where it cannot be read, as a template often cannot."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return [document for document in yaml.load_all(text, Loader=loader) if isinstance(document, dict)]
    except (yaml.YAMLError, ValueError, RecursionError, TypeError):
        return []


def quoted(name: str) -> str:
    """Return a pattern for a name in YAML, with or without quotes."""
    return rf"[\"']?{re.escape(name)}[\"']?"


def line_of(text: str, pattern: str) -> int:
    """Return the number of the line that a pattern matches, or 1."""
    match = re.search(pattern, text, re.M)
    if match is None:
        return 1
    indentation = len(match[0]) - len(match[0].lstrip())
    return text.count("\n", 0, match.start() + indentation) + 1
