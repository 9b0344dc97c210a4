"""Turn what the running app says about itself into facts: the registry, the settings, the routes, the schedule."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Any, TypedDict

from djcelery.project.facts import Param, Value


class TaskAnswer(TypedDict):
    """Describe a task as `introspect_script` prints it."""

    file: str
    line: int
    params: list[tuple[str, str, bool]] | None  # name, kind, has a default
    options: dict[str, Any]
    queue: str
    is_async: bool


class EntryAnswer(TypedDict):
    """Describe an entry of the schedule as `introspect_script` prints it."""

    task: str
    arg_count: int
    kwarg_names: list[str]


class Answer(TypedDict):
    """Describe everything that `introspect_script` prints."""

    registered: list[str]
    tasks: dict[str, TaskAnswer]
    settings: dict[str, Any]
    broker: str
    schedule: dict[str, EntryAnswer]
    queues: dict[str, list[str]]
    celery_version: str
    known_settings: list[str]
    django_settings: list[str]
    settings_module: str
    installed_apps: list[str]
    atomic_requests: bool
    root_logger: bool


@dataclass(frozen=True, slots=True)
class RunningTask:
    """Describe a task as Celery has it registered."""

    name: str
    path: str  # of the file that defines it, relative to the root; empty for one from elsewhere
    line: int  # of its first decorator
    params: list[Param] | None  # those that a caller fills; None where Celery does not check them
    options: dict[str, Any]  # time_limit, soft_time_limit, acks_late, reject_on_worker_lost, ignore_result, ...
    queue: str = ""
    is_async: bool = False


@dataclass(frozen=True, slots=True)
class RunningEntry:
    """Describe an entry of the effective schedule."""

    name: str
    task: str
    arg_count: int
    kwarg_names: set[str]


@dataclass(frozen=True, slots=True)
class Running:
    """Hold everything that the running app says."""

    registered: set[str] = field(default_factory=set)
    tasks: dict[str, RunningTask] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)  # by Celery's own names
    broker: str = ""  # the transport
    schedule: dict[str, RunningEntry] = field(default_factory=dict)
    queues: dict[str, list[str]] = field(default_factory=dict)  # the declared ones, with the names of their arguments
    django_settings: list[str] = field(default_factory=list)  # their names
    celery_version: tuple[int, ...] = ()
    known_settings: set[str] = field(default_factory=set)  # those that this version of Celery has
    settings_module: str = ""
    installed_apps: list[str] = field(default_factory=list)
    atomic_requests: bool = False
    root_logger: bool = False  # whether LOGGING configures the root logger

    @classmethod
    def of(cls, answer: Answer, root: str = "") -> Running:
        """Return the facts in what the project's interpreter printed."""
        return cls(
            registered=set(answer["registered"]),
            tasks={name: running_task(name, task, root) for name, task in answer["tasks"].items()},
            settings=answer["settings"],
            broker=answer["broker"],
            schedule={
                name: RunningEntry(name, str(entry["task"]), entry["arg_count"], set(entry["kwarg_names"]))
                for name, entry in answer["schedule"].items()
            },
            queues=answer["queues"],
            django_settings=answer["django_settings"],
            celery_version=tuple(int(part) for part in re.findall(r"\d+", answer["celery_version"])[:3]),
            known_settings=set(answer["known_settings"]),
            settings_module=answer["settings_module"],
            installed_apps=answer["installed_apps"],
            atomic_requests=answer["atomic_requests"],
            root_logger=answer["root_logger"],
        )

    @property
    def own_tasks(self) -> list[RunningTask]:
        """Return the tasks that the files below the root define."""
        return [task for task in self.tasks.values() if task.path]

    def options(self, key: str) -> dict[str, Any]:
        """Return a setting that is a dict; an empty one for anything else."""
        value = self.settings.get(key)
        return value if isinstance(value, dict) else {}

    def number(self, key: str) -> float | None:
        """Return a setting that is a number."""
        value = self.settings.get(key)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def running_task(name: str, answer: TaskAnswer, root: str) -> RunningTask:
    """Return the facts about one task."""
    file, params = answer["file"], answer["params"]
    path = os.path.relpath(file, root).replace(os.sep, "/") if file and root else file
    is_own = not path.startswith("..") and "site-packages/" not in path
    return RunningTask(
        name=name,
        path=path if is_own else "",
        line=answer["line"],
        params=None if params is None else [parameter(*param) for param in params],
        options=answer["options"],
        queue=answer["queue"],
        is_async=answer["is_async"],
    )


def parameter(name: str, kind: str, has_default: bool) -> Param:
    """Return the facts about one parameter; the value of its default is unknown."""
    return Param(name, kind, Value("other") if has_default else None)
