"""Describe how a project uses Celery today: its app, the names of its settings, its queues, its scheduler."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from djcelery.project.apps import App
from djcelery.project.beat_scripts import SCHEDULER, beat_scripts
from djcelery.project.celery_names import OLD_SETTINGS
from djcelery.project.facts import Module, Value
from djcelery.project.project import Project
from djcelery.project.setting_places import Setting

DEFAULT_QUEUE = "celery"
OLD_NAMES = {new: old for old, new in reversed(OLD_SETTINGS.items())}
DJANGO_SETTINGS = "django.conf"


@dataclass(frozen=True, slots=True)
class QueueUse:
    """Name a queue that this code base uses, and the place that says so; a line of 0 stands for Celery's default."""

    name: str
    path: str
    line: int


class CelerySetup:
    """Know the one Celery app of a project, if it has one, and what is configured for it."""

    def __init__(self, project: Project) -> None:
        self.project = project

    @cached_property
    def apps(self) -> list[App]:
        """Return the apps that are set up here and not only imported, one for each place that makes one."""
        by_place = {(app.module.path, app.call.line, app.call.col): app for app in self.project.own_apps}
        return list(by_place.values())

    @cached_property
    def app(self) -> App | None:
        """Return the app of the project: of several the one that reads Django's settings, then the first."""
        with_settings = [app for app in self.apps if app.namespace is not None]
        return next(iter([*with_settings, *self.apps]), None)

    @property
    def is_made_by_function(self) -> bool:
        """Return whether a factory makes the app."""
        return self.app is not None and self.app.made_by is not None

    @property
    def name(self) -> str:
        """Return the name that the app is given, or an empty text."""
        if self.app is None:
            return ""
        call = self.app.made_by or self.app.call
        return self.project.text(self.app.module, call.argument(0, "main")) or ""

    @property
    def reads_django(self) -> bool:
        """Return whether the app takes its settings from Django's."""
        return self.app is not None and self.app.namespace is not None

    def setting_name(self, key: str) -> str:
        """Return how a setting of Celery is written in Django's settings, such as CELERY_TASK_ROUTES."""
        namespace = self.app.namespace if self.app is not None else "CELERY"
        if namespace:
            return f"{namespace}_{key.upper()}"
        return OLD_NAMES.get(key, key.upper())

    def settings_of(self, key: str) -> list[Setting]:
        """Return the places that set a key for servers, in the order of the files."""
        return [setting for setting in self.project.settings_of(key) if not setting.local]

    def text(self, key: str) -> str | None:
        """Return a setting that is a constant text."""
        texts = [self.project.text(setting.module, setting.value) for setting in self.settings_of(key)]
        return next((text for text in texts if text is not None), None)

    def number(self, key: str) -> float | None:
        """Return a setting that is a constant number."""
        numbers = [self.project.number(setting.module, setting.value) for setting in self.settings_of(key)]
        return next((number for number in numbers if number is not None), None)

    @property
    def default_queue(self) -> str:
        """Return the queue of tasks without a route."""
        return self.text("task_default_queue") or DEFAULT_QUEUE

    @cached_property
    def queues(self) -> list[QueueUse]:
        """Return every queue: the default one, those of routes, declarations, tasks and workers, each once."""
        uses = [self._default_use()]
        for setting in self.settings_of("task_queues"):
            uses += self._declared(setting)
        uses += [QueueUse(route.queue, route.module.path, route.line) for route in self.project.routes or ()]
        for task in self.project.own_tasks:
            queue = self.project.text(task.module, task.options.get("queue"))
            uses.append(QueueUse(queue or "", task.module.path, task.line))
        for worker in [*self.project.workers, *self.project.script_workers]:
            uses += [QueueUse(name, worker.path, worker.line) for name in worker.queues or () if _is_plain(name)]
        for site in self.project.sites:
            queue = self.project.text(site.module, site.value.keywords.get("queue"))
            uses.append(QueueUse(queue or "", site.module.path, site.value.line))
        by_name: dict[str, QueueUse] = {}
        for use in uses:
            if use.name:
                by_name.setdefault(use.name, use)
        return list(by_name.values())

    @property
    def scheduler(self) -> str:
        """Return the class of the scheduler in the settings, on beat's command line or in a script that starts beat.

        It is empty for Celery's own.
        """
        in_settings = self.text("beat_scheduler")
        if in_settings:
            return in_settings
        for process in self.project.processes:
            option = process.option("-S", "--scheduler") if process.role == "beat" or process.embeds_beat else None
            if option:
                return "django_celery_beat.schedulers:DatabaseScheduler" if option == "django" else option
        scripted = (SCHEDULER.search(text) for text in self.beat_scripts.values())
        return next((match["name"] for match in scripted if match), "")

    @cached_property
    def beat_scripts(self) -> dict[str, str]:
        """Return the texts of the Python scripts that pass a scheduler to beat, by their paths."""
        return beat_scripts(self.project.tree, self.project.modules)

    def _default_use(self) -> QueueUse:
        settings = self.settings_of("task_default_queue")
        path, line = (settings[0].module.path, settings[0].line) if settings else ("", 0)
        return QueueUse(self.default_queue, path, line)

    def _declared(self, setting: Setting) -> list[QueueUse]:
        resolved = self.project.resolve(setting.module, setting.value)
        names: list[tuple[str | None, Value]] = []
        if resolved.kind == "dict":
            names = [(key.const if isinstance(key.const, str) else None, key) for key in resolved.keys]
        elif resolved.kind in {"list", "tuple", "set"}:
            names = [(self._queue_name(setting.module, item), item) for item in resolved.items]
        return [QueueUse(name, setting.module.path, value.line) for name, value in names if name]

    def _queue_name(self, module: Module, item: Value) -> str | None:
        queue = self.project.resolve(module, item)
        return self.project.text(module, queue.argument(0, "name")) if queue.last == "Queue" else None


def _is_plain(name: str) -> bool:
    return not set(name) & set("$%{}<>")
