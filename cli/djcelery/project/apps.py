"""Find the Celery apps of a code base."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from djcelery.project.context import is_test, is_test_settings
from djcelery.project.facts import Assign, Module, Value
from djcelery.project.lookup import Lookup

CURRENT_APP = frozenset({"celery.current_app", "celery.app.current_app"})
APP_CLASSES = frozenset({"celery.Celery", "celery.app.Celery", "celery.app.base.Celery"})
APP_NAMES = frozenset("app celery celery_app celeryapp current_app".split())


@dataclass(slots=True)
class App:
    """Describe a `Celery(...)`."""

    module: Module
    call: Value
    variable: str
    namespace: str | None = None  # None where it does not read Django's settings


class Apps:
    """Find the Celery apps, and tell which paths mean one."""

    def __init__(self, modules: list[Module], lookup: Lookup) -> None:
        self.modules = modules
        self.lookup = lookup

    @cached_property
    def all(self) -> list[App]:
        """Return every Celery app."""
        apps = []
        for module in self.modules:
            configured = {call.value.root for call in module.calls_to("config_from_object", "autodiscover_tasks")}
            for assign in module.assigns:
                if assign.value.kind != "call" or assign.operator != "=":
                    continue
                if self._is_app_class(module, assign.value.name) or assign.target in configured:
                    apps.append(self._app(module, assign))
        return apps

    @cached_property
    def own(self) -> list[App]:
        """Return the apps outside tests and test settings."""
        return [app for app in self.all if not is_test(app.module.path) and not is_test_settings(app.module.path)]

    @cached_property
    def namespaces(self) -> set[str]:
        """Return the prefixes under which Django's settings reach Celery."""
        namespaces = {app.namespace for app in self.all if app.namespace is not None and not is_test(app.module.path)}
        return namespaces or {"CELERY"}

    @cached_property
    def task_classes(self) -> list[tuple[Module, str]]:
        """Return the task classes that the apps name, each with the module that names it."""
        return [
            (app.module, self.lookup.text(app.module, value) or value.name)
            for app in self.own
            if (value := app.call.keywords.get("task_cls")) is not None
        ]

    def is_app(self, module: Module, path: str) -> bool:
        """Return whether a path that is written in a module means a Celery app."""
        definition = self.lookup.find(module, path)
        if definition is not None:
            return definition.assign is not None and any(
                app.module is definition.module and app.variable == definition.name for app in self.all
            )
        if path in CURRENT_APP:
            return True
        first, _, last = path.rpartition(".")
        return last in APP_NAMES and (not first or "celery" in first.lower())

    def _is_app_class(self, module: Module, name: str) -> bool:
        name = name.removesuffix("[]")  # Celery[SomeTask]("name")
        if name in APP_CLASSES:
            return True
        definition = self.lookup.find_class(module, name) if name.endswith("Celery") else None
        return bool(definition and definition.cls and any(base.endswith(".Celery") for base in definition.cls.bases))

    def _app(self, module: Module, assign: Assign) -> App:
        """Return the app that an assignment makes, with the namespace of its settings."""
        app = App(module, assign.value, assign.target)
        namespace = assign.value.keywords.get("namespace")
        for call in module.calls_to("config_from_object"):
            if call.value.root == assign.target:
                namespace = call.value.keywords.get("namespace", namespace)
                source = self.lookup.text(module, call.value.argument(0, "obj"))
                app.namespace = "" if (source or "django.conf").startswith("django.conf") else None
        if namespace is not None:
            app.namespace = self.lookup.text(module, namespace) or ""
        return app
