"""Find the Celery apps of a code base."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from djcelery.project.context import assigned_calls, function_of, is_inside, is_test, is_test_settings
from djcelery.project.facts import Assign, Call, Function, Module, Value
from djcelery.project.lookup import Lookup
from djcelery.project.names import Definition

CURRENT_APP = frozenset({"celery.current_app", "celery.app.current_app"})
APP_CLASSES = frozenset({"celery.Celery", "celery.app.Celery", "celery.app.base.Celery"})
APP_NAMES = frozenset("app celery celery_app celeryapp current_app".split())
CONFIGURING = ("config_from_object", "autodiscover_tasks")  # methods that only a Celery app has


@dataclass(frozen=True, slots=True)
class Configuration:
    """Name the module that holds the settings of a Celery app, or the block of the class in it."""

    module: Module
    block: int | None = None

    @property
    def assigns(self) -> list[Assign]:
        """Return the assignments of the settings."""
        if self.block is not None:
            return [assign for assign in self.module.assigns if assign.block == self.block]
        return [assign for assign in self.module.assigns if function_of(self.module, assign.block) is None]


@dataclass(slots=True)
class App:
    """Describe a `Celery(...)`."""

    module: Module
    call: Value  # of the class, or of the function that makes the app
    variable: str
    namespace: str | None = None  # None where it does not read Django's settings
    made_by: Value | None = None  # the call of the class, where a function makes the app
    configured_by: str = ""  # the path of the module or class with its settings, where they are not Django's
    configuration: Configuration | None = None  # that module or class, if it is here
    is_custom: bool = False  # of another class than Celery's own

    @property
    def options(self) -> dict[str, Value]:
        """Return the keyword arguments that the class is called with."""
        return (self.made_by or self.call).keywords


class Apps:
    """Find the Celery apps, and tell which paths mean one."""

    def __init__(self, modules: list[Module], lookup: Lookup) -> None:
        self.modules = modules
        self.lookup = lookup
        self._calls_by_path: dict[str, list[Call]] = {}  # of classes of apps

    @cached_property
    def all(self) -> list[App]:
        """Return every Celery app."""
        return [app for module in self.modules for app in self._in_module(module)]

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
            if (value := app.options.get("task_cls")) is not None
        ] + self._assigned_task_classes

    def is_app(self, module: Module, path: str) -> bool:
        """Return whether a path that is written in a module means a Celery app."""
        if path.endswith("()"):
            definition = self.lookup.find(module, path.removesuffix("()"))
            return bool(definition and definition.function and self._made_in(definition.module, definition.function))
        definition = self.lookup.find(module, path)
        if definition is not None:
            return definition.assign is not None and any(
                app.module is definition.module and app.variable == definition.name for app in self.all
            )
        if path in CURRENT_APP:
            return True
        first, _, last = path.rpartition(".")
        return last in APP_NAMES and (not first or "celery" in first.lower())

    @property
    def _assigned_task_classes(self) -> list[tuple[Module, str]]:
        """Return the task classes that are set by `app.Task = ...`."""
        return [
            (module, assign.value.name)
            for module in self.modules
            if not is_test(module.path)
            for assign in module.assigns_where(lambda target: target.endswith(".Task"))
            if self.is_app(module, assign.target.removesuffix(".Task"))
        ]

    def _in_module(self, module: Module) -> Iterator[App]:
        """Find the apps that a module binds to names."""
        configured = {call.value.root for call in module.calls_to(*CONFIGURING)}
        for target, path, position in assigned_calls(module):
            made_by, is_app = None, is_app_class(self.lookup, module, path)
            if not is_app:
                definition = self.lookup.find(module, path)
                if definition is not None and definition.function is not None:
                    made_by = self._made_in(definition.module, definition.function)
                is_foreign_app = definition is None and is_foreign_app_class(path)
                is_app = made_by is not None or target in configured or is_foreign_app
            if is_app:
                yield self._app(module, module.items_at("assigns", [position])[0], made_by)

    def _made_in(self, module: Module, function: Function) -> Call | None:
        """Return the call of the class in a function that makes an app and returns it."""
        if not function.returned_names:
            return None
        return next(
            (
                call
                for call in self._calls_of_classes(module)
                if is_inside(module, call.block, function.block) and call.uses[0] in {"return", "assign"}
            ),
            None,
        )

    def _calls_of_classes(self, module: Module) -> list[Call]:
        """Return the calls of classes of apps in a module."""
        if module.path not in self._calls_by_path:
            paths = [path for path in module.call_positions if is_app_class(self.lookup, module, path)]
            self._calls_by_path[module.path] = module.calls_of(paths)
        return self._calls_by_path[module.path]

    def _app(self, module: Module, assign: Assign, made_by: Call | None) -> App:
        """Return the app that an assignment makes, with the namespace of its settings."""
        call = made_by.value if made_by is not None else None
        app = App(module, assign.value, assign.target, made_by=call)
        app.is_custom = (call or app.call).name.removesuffix("[]") not in APP_CLASSES
        namespace = app.options.get("namespace")
        for home, value in self._configurations(module, assign, made_by):
            namespace = value.keywords.get("namespace", namespace)
            app.configured_by, app.configuration = self._configuration(home, value.argument(0, "obj"))
            app.namespace = None if app.configured_by else ""
        if namespace is not None:
            app.namespace = self.lookup.text(module, namespace) or ""
        return app

    def _configuration(self, home: Module, source: Value | None) -> tuple[str, Configuration | None]:
        """Return the path of what an app takes its settings from, and what it is; an empty path for Django's settings.

        A name that leads to no module or class here may be Django's settings under another name.
        """
        text = self.lookup.text(home, source)
        path = text.replace(":", ".") if text is not None else source.name if source is not None else ""
        if path.startswith("django.conf"):
            return "", None
        cls = self.lookup.find_class(home, path)
        if cls is not None and cls.cls is not None:
            return path, Configuration(cls.module, cls.cls.block)
        module = self.lookup.names.module(path)
        if text is None and (module is None or sets_up_django(module)):
            return "", None
        return path, Configuration(module) if module is not None else None

    def _configurations(self, module: Module, assign: Assign, made_by: Call | None) -> Iterator[tuple[Module, Value]]:
        """Find the calls of `config_from_object` on an app, also in the function that makes it."""
        for call in module.calls_to("config_from_object"):
            if call.value.root == assign.target:
                yield module, call.value
        definition = self.lookup.find(module, assign.value.name) if made_by is not None else None
        if definition is not None and definition.function is not None:
            home, block = definition.module, definition.function.block
            for call in home.calls_to("config_from_object"):
                if is_inside(home, call.block, block) and function_of(home, call.block) is definition.function:
                    yield home, call.value


def sets_up_django(module: Module) -> bool:
    """Return whether a module is one of Django's settings."""
    return "INSTALLED_APPS" in module.assign_positions or "settings" in module.name


def is_app_class(lookup: Lookup, module: Module, name: str) -> bool:
    """Return whether a path means Celery's class of apps, or one that inherits from it."""
    name = name.removesuffix("[]")  # Celery[SomeTask]("name")
    if name in APP_CLASSES:
        return True
    definition = lookup.find_class(module, name)
    if definition is None or definition.cls is None:
        return False
    return any(base in APP_CLASSES or is_foreign_app_class(base) for base in all_bases(lookup, definition))


def all_bases(lookup: Lookup, definition: Definition) -> Iterator[str]:
    """Yield the bases of a class as written, and theirs."""
    for base in definition.cls.bases if definition.cls is not None else ():
        for _, ancestor, _ in lookup.ancestors(definition.module, base):
            yield ancestor


def is_foreign_app_class(name: str) -> bool:
    """Return whether the path of a class that cannot be seen says that it is a Celery app."""
    return name.endswith(("Celery", "CeleryApp")) and "." in name
