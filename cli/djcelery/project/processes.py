"""The processes that infrastructure files start: Procfile, compose, Kubernetes, systemd."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Process:
    """One command line of a service."""

    path: str
    line: int
    name: str
    words: list[str]
    replicas: int = 1
    source: str = "procfile"  # procfile, compose, kubernetes, systemd
    grace: int | None = None
    surges: bool = False  # a new one starts before the old one has ended, at each deploy

    @property
    def role(self) -> str:
        """`worker`, `beat`, or nothing that concerns Celery."""
        if "celery" in self.program or any(word.endswith("/celery") for word in self.words):
            return next((word for word in self.words if word in {"worker", "beat"}), "")
        if "manage.py" in self.words[:3]:
            return next((word for word in self.words if word in {"worker", "beat"}), "")
        return ""

    @property
    def program(self) -> list[str]:
        return [word.rpartition("/")[2] for word in self.words]

    @property
    def plain(self) -> bool:
        """Whether this is Celery's own command and not one of the project."""
        return "celery" in self.program

    def option(self, *names: str) -> str | None:
        """The value of an option in any of its spellings; empty for one without a value."""
        for index, word in enumerate(self.words):
            for name in names:
                if word == name:
                    follow = self.words[index + 1] if index + 1 < len(self.words) else ""
                    return "" if follow.startswith("-") else follow
                if name.startswith("--") and word.startswith(f"{name}="):
                    return word[len(name) + 1 :]
                if not name.startswith("--") and word.startswith(name) and len(word) > 2 and not word.startswith("--"):
                    return word[2:]
        return None

    @property
    def queues(self) -> list[str] | None:
        """The queues a worker consumes; None where it takes all that are declared or cannot be seen."""
        if not self.plain:
            index = self.words.index("worker") + 1 if "worker" in self.words else len(self.words)
            named = [word for word in self.words[index:] if not word.startswith("-")]
            return named or None
        value = self.option("-Q", "--queues")
        return [queue.strip() for queue in value.split(",") if queue.strip()] if value else None

    @property
    def hidden(self) -> bool:
        """Whether a part of the command line is decided elsewhere."""
        return any("$" in word or "{{" in word for word in self.words)

    @property
    def embeds_beat(self) -> bool:
        """Whether a worker carries a beat inside."""
        if self.role != "worker" or not self.plain:
            return False
        return any(
            word in {"-B", "--beat"} or re.fullmatch(r"-[A-Zl]*B[A-Z]*", word)
            for word in self.words[self.words.index("worker") :]
        )


@dataclass(slots=True)
class Scaling:
    """What scales a Deployment of Kubernetes: an autoscaler, or KEDA."""

    path: str
    line: int
    target: str
    most: int


def processes(path: str, data: bytes) -> list[Process]:
    """The Celery processes that a file starts."""
    name = path.rpartition("/")[2]
    if b"celery" not in data and b"manage.py" not in data:
        return []
    text = data.decode("utf-8", "replace")
    if name.startswith("Procfile"):
        found = list(procfile(path, text))
    elif name.endswith((".yml", ".yaml")):
        found = list(yaml_file(path, text))
    elif name.endswith(".service"):
        found = list(systemd(path, text))
    else:
        return []
    return [process for process in found if process.role]


def split(command: str) -> list[str]:
    try:
        words = shlex.split(command, comments=False)
    except ValueError:
        words = command.split()
    if (
        len(words) >= 3
        and words[0].rpartition("/")[2] in {"sh", "bash"}
        and words[1].startswith("-")
        and "c" in words[1]
    ):
        return split(" ".join(words[2:]))
    if "&&" in words:
        return words[len(words) - words[::-1].index("&&") :]
    return words


def procfile(path: str, text: str) -> Iterator[Process]:
    for number, line in enumerate(text.splitlines(), 1):
        found = re.match(r"([\w-]+)\s*:\s*(.+)", line)
        if found:
            yield Process(path, number, found[1], split(found[2]))


def systemd(path: str, text: str) -> Iterator[Process]:
    """The command of a unit; not of a template, whose instances are named elsewhere."""
    command = re.search(r"^ExecStart\s*=[-@:+!]*(.+)$", text, re.M)
    if command is None or "%" in command[1]:
        return
    stop = re.search(r"^TimeoutStopSec\s*=\s*(\S+)\s*$", text, re.M)
    name = path.rpartition("/")[2].removesuffix(".service")
    line = line_of(text, r"^ExecStart\s*=")
    yield Process(path, line, name, split(command[1]), source="systemd", grace=seconds(stop[1]) if stop else None)


def yaml_file(path: str, text: str) -> Iterator[Process]:
    if "services:" not in text and "containers:" not in text:
        return
    for document in documents(text):
        yield from compose(path, text, document)
        yield from kubernetes(path, text, document)


def documents(text: str) -> list[dict[str, Any]]:
    """The mappings of a YAML file; none where it cannot be read, as a template often cannot."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return [each for each in yaml.load_all(text, Loader=loader) if isinstance(each, dict)]
    except (yaml.YAMLError, ValueError, RecursionError, TypeError):
        return []


def scalings(path: str, data: bytes) -> Iterator[Scaling]:
    """What a file of Kubernetes scales."""
    if b"scaleTargetRef" not in data:
        return
    text = data.decode("utf-8", "replace")
    for document in documents(text):
        spec = document.get("spec")
        if document.get("kind") not in {"ScaledObject", "HorizontalPodAutoscaler"} or not isinstance(spec, dict):
            continue
        target = spec.get("scaleTargetRef")
        most = spec.get("maxReplicaCount", 100) if document["kind"] == "ScaledObject" else spec.get("maxReplicas")
        if isinstance(target, dict) and isinstance(most, int):
            name = str(target.get("name", ""))
            yield Scaling(path, line_of(text, rf"^\s*name:\s*[\"']?{re.escape(name)}[\"']?\s*(?:#.*)?$"), name, most)


def compose(path: str, text: str, document: dict[str, Any]) -> Iterator[Process]:
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
            line_of(text, rf"^\s+[\"']?{re.escape(str(name))}[\"']?\s*:"),
            str(name),
            words_of(service["command"]),
            replicas if isinstance(replicas, int) else 1,
            "compose",
            seconds(service.get("stop_grace_period")),
        )


def kubernetes(path: str, text: str, document: dict[str, Any]) -> Iterator[Process]:
    spec = document.get("spec")
    if document.get("kind") not in {"Deployment", "StatefulSet", "DaemonSet"} or not isinstance(spec, dict):
        return
    pod = (spec.get("template") or {}).get("spec") if isinstance(spec.get("template"), dict) else None
    for container in (pod or {}).get("containers") or []:
        if not isinstance(container, dict):
            continue
        words = [*words_of(container.get("command") or []), *words_of(container.get("args") or [])]
        replicas = spec.get("replicas", 1)
        name = named(document) or str(container.get("name", ""))
        grace = (pod or {}).get("terminationGracePeriodSeconds")
        line = line_of(text, rf"^\s*(?:-\s+)?name:\s*[\"']?{re.escape(name)}[\"']?\s*(?:#.*)?$")
        replicas = replicas if isinstance(replicas, int) else 1
        grace = grace if isinstance(grace, int) else 30
        yield Process(path, line, name, words, replicas, "kubernetes", grace, surges(document, spec))


def named(document: dict[str, Any]) -> str:
    """The name of an object of Kubernetes."""
    metadata = document.get("metadata")
    return str(metadata.get("name") or "") if isinstance(metadata, dict) else ""


def surges(document: dict[str, Any], spec: dict[str, Any]) -> bool:
    """Whether a Deployment starts the new pod before the old one has ended, which is what it does by default."""
    strategy = spec.get("strategy")
    strategy = strategy if isinstance(strategy, dict) else {}
    rolling = strategy.get("rollingUpdate")
    surge = rolling.get("maxSurge") if isinstance(rolling, dict) else None
    return document.get("kind") == "Deployment" and strategy.get("type") != "Recreate" and surge not in {0, "0", "0%"}


def words_of(command: Any) -> list[str]:
    if isinstance(command, str):
        return split(command)
    if isinstance(command, list):
        words = [str(word) for word in command]
        return split(shlex.join(words)) if words and words[0].rpartition("/")[2] in {"sh", "bash"} else words
    return []


def seconds(value: Any) -> int | None:
    if isinstance(value, int):
        return value
    found = re.fullmatch(r"(?:(\d+)m)?(?:(\d+)s?)?", str(value)) if value is not None else None
    return int(found[1] or 0) * 60 + int(found[2] or 0) if found and (found[1] or found[2]) else None


def line_of(text: str, pattern: str) -> int:
    found = re.search(pattern, text, re.M)
    return text.count("\n", 0, found.start() + len(found[0]) - len(found[0].lstrip())) + 1 if found else 1
