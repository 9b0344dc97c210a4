"""Read infrastructure files for the processes that they start: Procfile, compose, Kubernetes, systemd."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from typing import TypeVar

from djcelery.project.files import YAML, Tree
from djcelery.project.processes import Process, Scaling
from djcelery.project.yaml_documents import TooLarge, YamlMapping, documents, mapping, sequence, text_of
from djcelery.time_limit import TookTooLong, time_limit

Found = TypeVar("Found")

MAX_SIZE = 500_000
SECONDS_PER_FILE = 10
PROCESS_FILES = (*YAML, ".service")
STARTERS = frozenset({"celery", "manage.py"})  # what a command line of Celery begins with, after exec and the like
SHELLS = frozenset({"sh", "bash"})
MAX_SHELLS = 5  # around each other
KUBERNETES_GRACE = 30  # seconds, where a pod does not say otherwise
KEDA_MAX_REPLICAS = 100  # where a ScaledObject does not say otherwise


class Infrastructure:
    """Find the processes and autoscalers in the files of a code base."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree

    @cached_property
    def processes(self) -> list[Process]:
        """Return every worker and beat that a file starts."""
        return [
            process for path, data in self._files(PROCESS_FILES) for process in self._read(processes_in, path, data)
        ]

    @property
    def workers(self) -> list[Process]:
        """Return the workers among the processes."""
        return [process for process in self.processes if process.role == "worker"]

    @cached_property
    def script_workers(self) -> list[Process]:
        """Return the workers that scripts, Dockerfiles and supervisor start; how many of each run is not known."""
        workers = []
        for entry in self.tree.entries:
            name = entry.path.rpartition("/")[2]
            if not name.endswith((".sh", ".conf")) and not name.startswith("Dockerfile") and "entrypoint" not in name:
                continue
            if name.endswith((".py", *YAML)) or entry.size >= MAX_SIZE:
                continue
            try:
                data = self.tree.read(entry.path)
            except OSError:
                continue
            workers += [process for process in in_script(entry.path, data) if process.role == "worker"]
        return workers

    @cached_property
    def scalings(self) -> list[Scaling]:
        """Return every autoscaler of Kubernetes that can be seen."""
        return [scaling for path, data in self._files(YAML) for scaling in self._read(scalings_in, path, data)]

    def _files(self, suffixes: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
        """Yield the files with these endings, and the Procfiles if they are asked for."""
        for entry in self.tree.entries:
            is_procfile = suffixes == PROCESS_FILES and entry.path.rpartition("/")[2].startswith("Procfile")
            if is_procfile or (entry.path.endswith(suffixes) and entry.size < MAX_SIZE):
                with suppress(OSError):
                    yield entry.path, self.tree.read(entry.path)

    def _read(self, reader: Callable[[str, bytes], Iterable[Found]], path: str, data: bytes) -> list[Found]:
        """Return what a reader finds in a file. One that is too large once it is read is named as not checked."""
        try:
            with time_limit(SECONDS_PER_FILE):
                return list(reader(path, data))
        except (TooLarge, TookTooLong) as error:
            if (path, str(error)) not in self.tree.read_errors:
                self.tree.read_errors.append((path, str(error)))
            return []


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
        kind, spec = text_of(document.get("kind")), mapping(document.get("spec"))
        if kind not in {"ScaledObject", "HorizontalPodAutoscaler"}:
            continue
        target = spec.get("scaleTargetRef")
        is_keda = kind == "ScaledObject"
        limit = spec.get("maxReplicaCount", KEDA_MAX_REPLICAS) if is_keda else spec.get("maxReplicas")
        if isinstance(target, dict) and isinstance(limit, int):
            name = text_of(target.get("name"))
            yield Scaling(path, line_of(text, rf"^[ \t]*name:[ \t]*{quoted(name)}[ \t]*(?:#.*)?$"), name, limit)


# -- the kinds of files


def in_procfile(path: str, text: str) -> Iterator[Process]:
    """Find the processes of a Procfile."""
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r"([\w-]+)\s*:\s*(.+)", line)
        if match:
            yield Process(path, number, match[1], split_command(match[2]))


def in_script(path: str, data: bytes) -> Iterator[Process]:
    """Find the command lines of Celery in a script, a Dockerfile or a file of supervisor."""
    if b"celery" not in data and b"manage.py worker" not in data:
        return
    text = re.sub(r"\\\r?\n", "  ", data.decode("utf-8", "replace"))
    for number, line in enumerate(text.splitlines(), 1):
        if "worker" not in line or line.lstrip().startswith("#"):
            continue
        words = split_command(re.sub(r'[\[\]",]', " ", line) if line.lstrip().startswith(("CMD", "ENTRY")) else line)
        start = next((index for index, word in enumerate(words) if word.rpartition("/")[2] in STARTERS), None)
        if start is not None:
            yield Process(path, number, path, words[start:], source="script")


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
    for name, value in mapping(document.get("services")).items():
        service = mapping(value)
        if not service.get("command"):
            continue
        replicas = service.get("scale") or mapping(service.get("deploy")).get("replicas") or 1
        yield Process(
            path,
            line_of(text, rf"^[ \t]+{quoted(name)}[ \t]*:"),
            name,
            words_of(service["command"]),
            replicas if isinstance(replicas, int) else 1,
            "compose",
            seconds(service.get("stop_grace_period")),
        )


def in_kubernetes(path: str, text: str, document: YamlMapping) -> Iterator[Process]:
    """Find the containers of a workload of Kubernetes."""
    if text_of(document.get("kind")) not in {"Deployment", "StatefulSet", "DaemonSet"}:
        return
    spec = mapping(document.get("spec"))
    pod = mapping(mapping(spec.get("template")).get("spec"))
    for value in sequence(pod.get("containers")):
        container = mapping(value)
        words = [*words_of(container.get("command")), *words_of(container.get("args"))]
        replicas = spec.get("replicas", 1)
        name = text_of(mapping(document.get("metadata")).get("name")) or text_of(container.get("name"))
        grace = pod.get("terminationGracePeriodSeconds")
        line = line_of(text, rf"^[ \t]*(?:-[ \t]+)?name:[ \t]*{quoted(name)}[ \t]*(?:#.*)?$")
        replicas = replicas if isinstance(replicas, int) else 1
        grace = grace if isinstance(grace, int) else KUBERNETES_GRACE
        yield Process(path, line, name, words, replicas, "kubernetes", grace, surges(document, spec))


def surges(document: YamlMapping, spec: YamlMapping) -> bool:
    """Return whether a Deployment starts the new pod before the old one has ended, as it does by default."""
    strategy = mapping(spec.get("strategy"))
    surge = text_of(mapping(strategy.get("rollingUpdate")).get("maxSurge"))
    return document.get("kind") == "Deployment" and strategy.get("type") != "Recreate" and surge not in {"0", "0%"}


# -- commands and values


def split_command(command: str) -> list[str]:
    """Split a command line into words, without the shells around it and the commands before it."""
    words = shell_words(command)
    for _ in range(MAX_SHELLS):
        runs_shell = len(words) >= 3 and words[0].rpartition("/")[2] in SHELLS
        if not (runs_shell and words[1].startswith("-") and "c" in words[1]):
            break
        words = shell_words(" ".join(words[2:]))
    if "&&" in words:
        return words[len(words) - words[::-1].index("&&") :]
    return words


def shell_words(command: str) -> list[str]:
    """Split a command line as a shell does, or at its spaces where a shell could not."""
    try:
        return shlex.split(command, comments=False)
    except ValueError:
        return command.split()


def words_of(command: object) -> list[str]:
    """Return the words of a command that YAML holds as a text or as a list."""
    if isinstance(command, str):
        return split_command(command)
    if isinstance(command, list):
        words = [text_of(word) for word in command]
        return split_command(shlex.join(words)) if words and words[0].rpartition("/")[2] in SHELLS else words
    return []


def seconds(value: object) -> int | None:
    """Return the seconds of a duration such as 30, `30s` or `1m30s`."""
    if isinstance(value, int):
        return value
    match = re.fullmatch(r"(?:(\d{1,9})m)?(?:(\d{1,9})s?)?", text_of(value))
    return int(match[1] or 0) * 60 + int(match[2] or 0) if match and (match[1] or match[2]) else None


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
