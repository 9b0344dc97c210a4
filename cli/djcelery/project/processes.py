"""Describe the processes of Celery that infrastructure files start."""

from __future__ import annotations

import re
from dataclasses import dataclass

ROLES = frozenset({"worker", "beat"})


@dataclass(slots=True)
class Process:
    """Describe the command line of a service."""

    path: str
    line: int
    name: str
    words: list[str]
    replicas: int = 1
    source: str = "procfile"  # procfile, compose, kubernetes, systemd
    grace: int | None = None
    surges: bool = False  # at each deploy a new one starts before the old one has ended

    @property
    def role(self) -> str:
        """Return `worker`, `beat`, or an empty text for anything else."""
        if self.is_celery_command or "manage.py" in self.words[:3]:
            return next((word for word in self.words if word in ROLES), "")
        return ""

    @property
    def is_celery_command(self) -> bool:
        """Return whether this is Celery's own command and not one of the project."""
        return any(word.rpartition("/")[2] == "celery" for word in self.words)

    def option(self, *names: str) -> str | None:
        """Return the value of an option in any of its spellings; an empty text for one without a value."""
        for index, word in enumerate(self.words):
            for name in names:
                if word == name:
                    value = self.words[index + 1] if index + 1 < len(self.words) else ""
                    return "" if value.startswith("-") else value
                if name.startswith("--") and word.startswith(f"{name}="):
                    return word[len(name) + 1 :]
                if not name.startswith("--") and word.startswith(name) and len(word) > 2 and not word.startswith("--"):
                    return word[2:]
        return None

    @property
    def queues(self) -> list[str] | None:
        """Return the queues that a worker consumes; None where it takes all that are declared, or cannot be seen."""
        if not self.is_celery_command:
            index = self.words.index("worker") + 1 if "worker" in self.words else len(self.words)
            queues = [word for word in self.words[index:] if not word.startswith("-")]
            return queues or None
        value = self.option("-Q", "--queues")
        return [queue.strip() for queue in value.split(",") if queue.strip()] if value else None

    @property
    def has_variables(self) -> bool:
        """Return whether a part of the command line is decided elsewhere."""
        return any("$" in word or "{{" in word for word in self.words)

    @property
    def embeds_beat(self) -> bool:
        """Return whether a worker runs a beat inside."""
        if self.role != "worker" or not self.is_celery_command:
            return False
        return any(
            word in {"-B", "--beat"} or re.fullmatch(r"-[A-Zl]*B[A-Z]*", word)
            for word in self.words[self.words.index("worker") :]
        )


@dataclass(slots=True)
class Scaling:
    """Describe what scales a Deployment of Kubernetes: an autoscaler, or KEDA."""

    path: str
    line: int
    target: str
    max_replicas: int
