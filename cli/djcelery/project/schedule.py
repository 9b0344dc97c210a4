"""Find the entries of the beat schedule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from djcelery.project.celery_names import SIGNING
from djcelery.project.context import is_test
from djcelery.project.facts import Module, Value
from djcelery.project.lookup import Lookup
from djcelery.project.setting_places import Setting
from djcelery.project.settings import Settings
from djcelery.project.tasks import Task, Tasks


@dataclass(slots=True)
class Entry:
    """Describe an entry of the beat schedule."""

    name: str
    module: Module
    line: int
    col: int
    value: Value
    task_name: str
    task: Task | None
    parts: dict[str, Value]
    testing: bool = False


class Schedule:
    """Find the entries in the settings, and those that are added by a call."""

    def __init__(self, modules: list[Module], lookup: Lookup, settings: Settings, tasks: Tasks) -> None:
        self.modules = modules
        self.lookup = lookup
        self.settings = settings
        self.tasks = tasks

    @cached_property
    def entries(self) -> list[Entry]:
        """Return every entry that can be seen."""
        entries: list[Entry] = []
        for setting in self.settings.all:
            if setting.key == "beat_schedule" or setting.name == "CELERYBEAT_SCHEDULE":
                entries += self._in_setting(setting)
        for module in self.modules:
            for call in module.calls_to("add_periodic_task"):
                entries += self._added(module, call.value)
        return entries

    def _in_setting(self, setting: Setting) -> Iterator[Entry]:
        """Find the entries that a setting holds."""
        module, value = setting.module, setting.value
        if setting.operator == "[]" and setting.item_key is not None:
            yield from self._entry(module, str(setting.item_key.const or "?"), value, setting.testing)
            return
        resolved = self.lookup.resolve(module, value)
        if resolved.kind == "dict":
            home = self.lookup.home(module, value)
            for key, item in zip(resolved.keys, resolved.items, strict=False):
                yield from self._entry(home, str(key.const or key.name), item, setting.testing)

    def _entry(self, module: Module, name: str, value: Value, testing: bool) -> Iterator[Entry]:
        """Read one entry that is written as a dict."""
        resolved = self.lookup.resolve(module, value)
        parts = resolved.pairs()
        if "task" not in parts:
            return
        task_name = self.lookup.text(module, parts["task"]) or ""
        task = self.tasks.by_name.get(task_name) if task_name else None
        if not task_name and parts["task"].last == "name":  # `"task": send.name`
            task = self.tasks.at(module, parts["task"].root)
        yield Entry(name, module, resolved.line, resolved.col, resolved, task_name, task, parts, testing)

    def _added(self, module: Module, value: Value) -> Iterator[Entry]:
        """Read an entry that is made by `app.add_periodic_task(schedule, task.s(...))`."""
        if len(value.items) < 2:
            return
        signature = value.items[1].resolved
        task = self.tasks.at(module, signature.root) if signature.last in SIGNING else None
        keys = [Value("const", const=key) for key in value.keywords]
        options = Value("dict", keys=keys, items=[*value.keywords.values()])
        parts = {"schedule": value.items[0], "options": options}
        task_name = task.name if task else ""
        explicit_name = value.keywords.get("name")
        name = str(explicit_name.const) if explicit_name is not None and explicit_name.const else task_name or "?"
        yield Entry(name, module, value.line, value.col, value, task_name, task, parts, is_test(module.path))
