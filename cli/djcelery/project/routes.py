"""Find the routes of tasks, and the queues that are declared."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from functools import cached_property

from djcelery.project.facts import Module, Value
from djcelery.project.lookup import Lookup
from djcelery.project.setting_places import Setting
from djcelery.project.settings import Settings
from djcelery.project.tasks import Tasks

# What djcelery-jobs makes of tables: routes(ROUTES) and queues(WORKLOADS, url).
ROUTES_OF_TABLE = frozenset({"djcelery_jobs.routes", "djcelery_jobs.brokers.workloads.routes"})
QUEUES_OF_TABLE = frozenset({"djcelery_jobs.queues", "djcelery_jobs.brokers.options.queues"})


MAX_SPREADS = 5


@dataclass(slots=True)
class Workload:
    """Describe a workload class of djcelery-jobs: a queue with a worker process of its own."""

    name: str
    module: Module
    line: int
    col: int


@dataclass(slots=True)
class Route:
    """Describe one line of task_routes."""

    pattern: str
    queue: str
    module: Module
    line: int
    col: int


class Routes:
    """Read task_routes and task_queues."""

    def __init__(self, lookup: Lookup, settings: Settings, tasks: Tasks) -> None:
        self.lookup = lookup
        self.settings = settings
        self.tasks = tasks

    @cached_property
    def all(self) -> list[Route] | None:
        """Return the lines of task_routes; None where they cannot all be seen."""
        routes: list[Route] = []
        for setting in self.settings.of("task_routes"):
            lines = self._in_setting(setting)
            if lines is None:
                return None
            routes += lines
        return routes

    @cached_property
    def declared_queues(self) -> set[str] | None:
        """Return the queues of task_queues; None where it is not set or cannot be seen."""
        queues: set[str] = set()
        settings = self.settings.of("task_queues")
        for setting in settings:
            resolved = self.lookup.resolve(setting.module, setting.value)
            if resolved.kind == "call" and resolved.name in QUEUES_OF_TABLE and self.workloads:
                queues |= {workload.name for workload in self.workloads}
                continue
            names = self._queue_names(setting.module, resolved)
            if names is None:
                return None
            queues |= names
        return queues if settings else None

    @cached_property
    def workloads(self) -> list[Workload]:
        """Return the workload classes that `queues(WORKLOADS, url)` declares; none where they cannot all be seen."""
        workloads = []
        for setting in self.settings.of("task_queues"):
            resolved = self.lookup.resolve(setting.module, setting.value)
            if resolved.kind != "call" or resolved.name not in QUEUES_OF_TABLE or not resolved.items:
                continue
            module = self.lookup.home(setting.module, setting.value)
            table, home = self.lookup.resolve(module, resolved.items[0]), self.lookup.home(module, resolved.items[0])
            if table.kind != "dict" or any(not isinstance(key.const, str) for key in table.keys):
                return []
            workloads += [Workload(str(key.const), home, key.line, key.col) for key in table.keys]
        return workloads

    def matches_any_task(self, pattern: str) -> bool:
        """Return whether the pattern of a route matches a task."""
        return any(fnmatch.fnmatchcase(task.name, pattern) for task in self.tasks.all)

    def _in_setting(self, setting: Setting) -> list[Route] | None:
        """Return the routes that a setting holds; None where they cannot all be seen."""
        key = setting.item_key
        if setting.operator == "[]" and key is not None and isinstance(key.const, str):
            queue = self._queue_of(setting.module, setting.value)
            return [Route(key.const, queue or "", setting.module, setting.line, setting.col)]
        resolved = self.lookup.resolve(setting.module, setting.value)
        home = self.lookup.home(setting.module, setting.value)
        if resolved.kind == "call" and resolved.name in ROUTES_OF_TABLE and resolved.items:
            table = resolved.items[0]
            home, resolved = self.lookup.home(home, table), self.lookup.resolve(home, table)
        return self._in_tables(home, resolved, 0)

    def _in_tables(self, home: Module, resolved: Value, depth: int) -> list[Route] | None:
        """Return the routes of a table, of several, or of one that others are spread into."""
        tables = resolved.items if resolved.kind in {"tuple", "list"} else [resolved]
        routes: list[Route] = []
        for table in tables:
            known = self._in_table(home, table, depth)
            if known is None:
                return None
            routes += known
        return routes

    def _in_table(self, home: Module, table: Value, depth: int) -> list[Route] | None:
        """Return the routes of one table; None where they cannot all be seen."""
        if depth > MAX_SPREADS:
            return None
        if table.kind != "dict":
            inner_home, inner = self.lookup.home(home, table), self.lookup.resolve(home, table)
            if inner.kind == "call" and inner.name in ROUTES_OF_TABLE and inner.items:
                inner_home, inner = self.lookup.home(inner_home, inner.items[0]), self.lookup.resolve(
                    inner_home, inner.items[0]
                )  # fmt: skip
            return None if inner is table or inner.kind != "dict" else self._in_table(inner_home, inner, depth + 1)
        routes: list[Route] = []
        for pattern, target in zip(table.keys, table.items, strict=True):
            if pattern.kind == "star":
                spread = self._in_table(home, target, depth + 1)
                if spread is None:
                    return None
                routes += spread
            elif pattern.kind == "const":
                queue = self._queue_of(home, target)
                routes.append(Route(str(pattern.const), queue or "", home, pattern.line, pattern.col))
            else:
                return None
        return routes

    def _queue_of(self, module: Module, value: Value) -> str | None:
        """Return the queue that a route leads to."""
        resolved = self.lookup.resolve(module, value)
        if resolved.kind in {"dict", "call"} and "queue" in resolved.pairs():
            return self.lookup.text(module, resolved.pairs()["queue"])
        return self.lookup.text(module, resolved)

    def _queue_names(self, module: Module, resolved: Value) -> set[str] | None:
        """Return the names of the queues in a value of task_queues; None where one cannot be seen."""
        if resolved.kind == "dict":
            names = [key.const if isinstance(key.const, str) else None for key in resolved.keys]
        elif resolved.kind in {"list", "tuple", "set"}:
            names = [self._queue_name(module, item) for item in resolved.items]
        else:
            return None
        known = {name for name in names if name is not None}
        return None if None in names else known

    def _queue_name(self, module: Module, item: Value) -> str | None:
        """Return the name of a `Queue(...)`."""
        queue = self.lookup.resolve(module, item)
        return (
            self.lookup.text(module, queue.argument(0, "name"))
            if queue.kind == "call" and queue.last == "Queue"
            else None
        )
