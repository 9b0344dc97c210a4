"""Edit the files that start a worker for each workload class: Procfile, compose and the Kubernetes manifests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from djcelery.adding.fragments import Edited, Fragment
from djcelery.editing import NotEditable
from djcelery.editing.blocks import append_block, remove_block
from djcelery.editing.text import insert_lines, keep_lines, newline_of
from djcelery.editing.yaml import insert_checked, last_line_of, read_documents
from djcelery.plan import Plan

# A command that starts the worker of a class, as words or as a list.
WORKER = re.compile(r"""manage\.py["']?[\s,]+["']?worker["']?[\s,]+["']?(?P<name>[\w-]+)""")
SEPARATOR = "---\n"


@dataclass
class WorkerLine(Fragment):
    """Add a line to a Procfile, written like that of another class."""

    path: str
    name: str
    reason: str
    is_required: bool = False

    def is_present(self, plan: Plan) -> bool:
        """Return whether a line starts a worker of the class."""
        return any(name == self.name for _, _, name in self._workers(plan.read(self.path)))

    def insert(self, plan: Plan) -> None:
        """Plan a line below that of the last worker."""
        data = plan.read(self.path)
        workers = list(self._workers(data))
        if not workers:
            raise NotEditable("no line starts a worker with manage.py worker NAME")
        number, line, name = workers[-1]
        plan.write(self.path, _insert_line(data, number, _renamed(line, name, self.name)), self.reason)

    def delete(self, plan: Plan) -> None:
        """Plan to remove the line."""
        data = plan.read(self.path)
        workers = list(self._workers(data))
        number, line = next((number, line) for number, line, name in workers if name == self.name)
        expected = [_renamed(line, name, self.name) for _, line, name in workers if name != self.name]
        if line not in (expected or [line]):
            raise Edited(self.path, f"{expected[-1]}\n", f"{line}\n")
        plan.write(self.path, _remove_line(data, number), f"no worker for {self.name}")

    def by_hand(self) -> str:
        """Return the line."""
        return f"worker-{self.name}: python manage.py worker {self.name}\n"

    def _workers(self, data: bytes) -> Iterator[tuple[int, str, str]]:
        """Yield the number, the text and the class of each line that starts a worker."""
        for number, line in enumerate(keep_lines(data), 1):
            text = line.rstrip(b"\r\n").decode("utf-8", "replace")
            match = WORKER.search(text)
            if match and not text.lstrip().startswith("#"):
                yield number, text, match["name"]


@dataclass
class ComposeService(Fragment):
    """Add a service to a compose file, written like that of another class."""

    path: str
    name: str
    reason: str
    is_required: bool = False

    def is_present(self, plan: Plan) -> bool:
        """Return whether a service starts a worker of the class."""
        return self.name in _worker_services(plan.read(self.path))

    def insert(self, plan: Plan) -> None:
        """Plan a service below that of the last worker."""
        data = plan.read(self.path)
        workers = _worker_services(data)
        if not workers:
            raise NotEditable("no service starts a worker with manage.py worker NAME")
        name, service = list(workers.items())[-1]
        block, line = _service_block(data, service)
        new = _renamed(block, name, self.name)
        key = _renamed(service, name, self.name)
        documents = read_documents(data)
        if key == service or key in documents[0]["services"]:
            raise NotEditable(f"the service {service} is not named after its class", line)
        documents[0]["services"][key] = _renamed_in(documents[0]["services"][service], name, self.name)
        plan.write(self.path, insert_checked(data, line, new, documents), self.reason)

    def delete(self, plan: Plan) -> None:
        """Plan to remove the service."""
        data = plan.read(self.path)
        workers = _worker_services(data)
        block, line = _service_block(data, workers[self.name])
        others = [_renamed(_service_block(data, service)[0], name, self.name) for name, service in workers.items()
                  if name != self.name]  # fmt: skip
        if others and block not in others:
            raise Edited(self.path, others[-1], block)
        count = block.count("\n")
        remaining = _without_lines(data, line - count, line)
        documents = read_documents(data)
        del documents[0]["services"][workers[self.name]]
        if read_documents(remaining) != documents:
            raise NotEditable("the service cannot be removed on its own", line)
        plan.write(self.path, remaining, f"no worker for {self.name}")

    def by_hand(self) -> str:
        """Return the service."""
        return f'  worker-{self.name}:\n    command: ["python", "manage.py", "worker", "{self.name}"]\n'


@dataclass
class Documents(Fragment):
    """Add documents to a YAML file with several. `kind` and `object_name` tell them from the others."""

    path: str
    kind: str
    object_name: str
    text: str
    reason: str
    is_required: bool = False

    def is_present(self, plan: Plan) -> bool:
        """Return whether a document of this kind and name is there."""
        return any(self._is_ours(document) for document in read_documents(plan.read(self.path)))

    def insert(self, plan: Plan) -> None:
        """Plan the document after the others."""
        data = plan.read(self.path)
        documents = read_documents(data)
        if not any(isinstance(document, dict) and document.get("kind") == self.kind for document in documents):
            raise NotEditable(f"it has no {self.kind}")
        changed = append_block(data, SEPARATOR + self.text)
        if read_documents(changed) != [*documents, *read_documents(self.text.encode())]:
            raise NotEditable("a document at its end would mean something else")
        plan.write(self.path, changed, self.reason)

    def delete(self, plan: Plan) -> None:
        """Plan to remove the document."""
        data = plan.read(self.path)
        remaining = remove_block(data, SEPARATOR + self.text)
        if remaining is None:
            raise Edited(self.path, self.text, self._actual(data))
        plan.write(self.path, remaining, f"no {self.object_name}")

    def by_hand(self) -> str:
        """Return the document."""
        return SEPARATOR + self.text

    def _is_ours(self, document: Any) -> bool:
        if not isinstance(document, dict) or document.get("kind") != self.kind:
            return False
        metadata = document.get("metadata")
        return isinstance(metadata, dict) and metadata.get("name") == self.object_name

    def _actual(self, data: bytes) -> str:
        texts = re.split(r"^---[ \t]*\n", data.decode().replace("\r\n", "\n"), flags=re.M)
        return next((text for text in texts if any(map(self._is_ours, read_documents(text.encode())))), "")


def _worker_services(data: bytes) -> dict[str, str]:
    """Return the name of the service of each workload class, by the class, in the order of the file."""
    documents = read_documents(data)
    services = documents[0].get("services") if len(documents) == 1 and isinstance(documents[0], dict) else None
    by_class = {}
    for service, values in (services or {}).items():
        command = values.get("command", "") if isinstance(values, dict) else ""
        words = " ".join(map(str, command)) if isinstance(command, list) else str(command)
        if match := WORKER.search(words):
            by_class[match["name"]] = str(service)
    return by_class


def _service_block(data: bytes, service: str) -> tuple[str, int]:
    r"""Return the lines of a service with the blank lines above it, each ending in "\n", and the number of the last."""
    line, _ = last_line_of(data, ["services"], lambda key: key == service)
    lines = data.decode().replace("\r\n", "\n").split("\n")
    key = re.compile(rf"^[ \t]+[\"']?{re.escape(service)}[\"']?[ \t]*:")
    first = max(number for number, text in enumerate(lines[:line]) if key.match(text))
    while first > 0 and not lines[first - 1].strip():
        first -= 1
    return "".join(f"{text}\n" for text in lines[first:line]), line


def _renamed(text: str, old: str, new: str) -> str:
    """Return a text with one class in place of another: as a name after `worker`, and as the argument of `worker`."""
    text = WORKER.sub(lambda match: match[0][: -len(old)] + new if match["name"] == old else match[0], text)
    return re.sub(rf"(?<![\w])(worker[-_]?){re.escape(old)}(?![\w-])", rf"\g<1>{new}", text)


def _renamed_in(value: Any, old: str, new: str) -> Any:
    """Return data with one class in place of another, wherever a text names a worker of it."""
    if isinstance(value, dict):
        return {_renamed(str(key), old, new): _renamed_in(item, old, new) for key, item in value.items()}
    if isinstance(value, list):
        words = [_renamed_in(item, old, new) for item in value]
        is_command = any(word == "worker" and name == old for word, name in pairwise(words))
        return [new if is_command and word == old else word for word in words]
    return _renamed(value, old, new) if isinstance(value, str) else value


def _insert_line(data: bytes, number: int, line: str) -> bytes:
    """Return a text with a line below another one; a last line without a line end stays so."""
    newline = newline_of(data).encode()
    if number == data.count(b"\n") + 1:
        return data + newline + line.encode()
    return insert_lines(data, number, f"{line}\n")


def _remove_line(data: bytes, number: int) -> bytes:
    """Return a text without a line: the inverse of `_insert_line`."""
    lines = keep_lines(data)
    remaining = b"".join([*lines[: number - 1], *lines[number:]])
    if number == len(lines) and not lines[-1].endswith(b"\n"):
        return remaining.removesuffix(newline_of(data).encode())
    return remaining


def _without_lines(data: bytes, start: int, end: int) -> bytes:
    """Return a text without the lines from `start` to `end`, the first of which counts as 0."""
    lines = keep_lines(data)
    return b"".join([*lines[:start], *lines[end:]])
