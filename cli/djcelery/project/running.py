"""What the running app told about itself, as facts: the registry, the effective settings, the routes, the schedule."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from djcelery.project.facts import Param, Value


@dataclass(frozen=True, slots=True)
class RunningTask:
    """A task as Celery has it registered."""

    name: str
    path: str  # of the file that defines it, relative to the root; empty for one from elsewhere
    line: int  # of its first decorator
    params: list[Param] | None  # those a caller fills; None where Celery does not check them
    options: dict[str, Any]  # time_limit, soft_time_limit, acks_late, reject_on_worker_lost, ignore_result, ...
    queue: str = ""
    is_async: bool = False


@dataclass(frozen=True, slots=True)
class RunningEntry:
    """An entry of the effective schedule."""

    name: str
    task: str
    count: int  # of its arguments by place
    named: set[str]


@dataclass(frozen=True, slots=True)
class Running:
    """Everything that was told."""

    registered: set[str] = field(default_factory=set)
    tasks: dict[str, RunningTask] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)  # by Celery's own names
    broker: str = ""  # the transport
    schedule: dict[str, RunningEntry] = field(default_factory=dict)
    queues: dict[str, list[str]] = field(default_factory=dict)  # declared ones and their arguments
    names: list[str] = field(default_factory=list)  # of Django's settings
    known: set[str] = field(default_factory=set)  # the settings that this version of Celery has
    settings_module: str = ""
    installed: list[str] = field(default_factory=list)
    atomic_requests: bool = False
    root_logger: bool = False  # whether LOGGING sets the root logger up

    @classmethod
    def of(cls, told: dict[str, Any], root: str = "") -> Running:
        """From what the project's interpreter printed."""
        plain = {key: told[key] for key in ("settings", "broker", "queues", "names", "settings_module", "installed")}
        return cls(
            registered=set(told["registered"]),
            tasks={name: task(name, each, root) for name, each in told["tasks"].items()},
            schedule={
                name: RunningEntry(name, str(each["task"]), each["count"], set(each["named"]))
                for name, each in told["schedule"].items()
            },
            known=set(told["known"]),
            atomic_requests=told["atomic_requests"],
            root_logger=told["root_logger"],
            **plain,
        )

    @property
    def own(self) -> list[RunningTask]:
        """The tasks that the files below the root define."""
        return [each for each in self.tasks.values() if each.path]

    def options(self, key: str) -> dict[str, Any]:
        """A setting that is a dict."""
        value = self.settings.get(key)
        return value if isinstance(value, dict) else {}

    def number(self, key: str) -> float | None:
        """A setting that is a number."""
        value = self.settings.get(key)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def task(name: str, told: dict[str, Any], root: str) -> RunningTask:
    path = os.path.relpath(told["file"], root).replace(os.sep, "/") if told["file"] and root else told["file"]
    params = told["params"]
    return RunningTask(
        name,
        "" if path.startswith("..") or "site-packages/" in path else path,
        told["line"],
        None
        if params is None
        else [Param(key, kind, Value("other") if default else None) for key, kind, default in params],
        told["options"],
        told["queue"],
        told["is_async"],
    )
