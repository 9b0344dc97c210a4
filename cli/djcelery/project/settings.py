"""Know the settings of a code base, as far as its files tell."""

from __future__ import annotations

import re
from functools import cached_property

from djcelery.project.apps import App, Apps, Configuration, sets_up_django
from djcelery.project.context import is_test
from djcelery.project.facts import Module
from djcelery.project.lookup import Lookup
from djcelery.project.running import Running
from djcelery.project.setting_places import (
    Setting,
    from_assign,
    is_celery_setting,
    looks_like_settings,
    new_name,
    settings_in,
    settings_on_app,
)

REDIS = frozenset({"redis", "rediss", "valkey", "sentinel", "memory"})
APP_ARGUMENTS = ("task_", "worker_", "broker_", "result_", "beat_")  # beginnings of settings that `Celery()` takes
APP_URLS = {"broker": "broker_url", "backend": "result_backend"}
MAX_STARS = 6
URL = re.compile(r"[A-Za-z][\w+.-]*://")  # a scheme that is filled in later names no transport


class Settings:
    """Know every place that sets a setting."""

    def __init__(self, modules: list[Module], lookup: Lookup, apps: Apps, running: Running | None) -> None:
        self.modules = modules
        self.lookup = lookup
        self.apps = apps
        self.running = running

    @cached_property
    def setting_modules(self) -> list[Module]:
        """Return Django's settings modules, with those that they import with a star."""
        starred = {star for module in self.modules if looks_like_settings(module) for star in module.stars}
        own = {app.configuration.module.name for app in self.apps.all if app.configuration is not None}
        return [
            module
            for module in self.modules
            if (looks_like_settings(module) or module.name in starred)
            and (module.name not in own or sets_up_django(module))
        ]

    @cached_property
    def all(self) -> list[Setting]:
        """Return every place that sets a setting."""
        settings = []
        for module in self.setting_modules:
            settings += settings_in(module, self.apps.namespaces)
        variables = {app.variable.rpartition(".")[2] for app in self.apps.all} | {"current_app"}
        for module in self.modules:
            if not is_test(module.path):
                settings += settings_on_app(module, variables)
        for app in self.apps.all:
            settings += settings_of_app(app)
            if app.configuration is not None:
                settings += settings_of_configuration(app.configuration)
        return settings

    @cached_property
    def by_key(self) -> dict[str, list[Setting]]:
        """Return the settings by Celery's name, or Django's."""
        by_key: dict[str, list[Setting]] = {}
        for setting in self.all:
            by_key.setdefault(setting.key, []).append(setting)
        return by_key

    def of(self, key: str, testing: bool = False) -> list[Setting]:
        """Return the places that set one key; with `testing`, those of test settings too."""
        return [setting for setting in self.by_key.get(key, ()) if testing or not setting.testing]

    def is_set(self, key: str) -> bool:
        """Return whether a key is set anywhere outside tests."""
        return bool(self.of(key))

    def is_on(self, key: str) -> bool:
        """Return whether a key is the constant True somewhere outside tests."""
        return any(self.lookup.resolve(setting.module, setting.value).const is True for setting in self.of(key))

    @cached_property
    def are_complete(self) -> bool:
        """Return whether the Celery app and its settings are here, so that a setting not seen is not set."""
        return bool(self.apps.own) and any(
            setting.key == "INSTALLED_APPS" or setting.key.startswith(("broker_", "task_")) for setting in self.all
        )

    @cached_property
    def brokers(self) -> set[str]:
        """Return the transports that the broker URLs name; an empty set where they cannot be seen."""
        old_names = [setting for setting in self.all if setting.name in {"BROKER_URL", "CELERY_BROKER_URL"}]
        transports = {
            transport_of(url)
            for setting in [*self.of("broker_url"), *old_names]
            for url in self.lookup.resolve(setting.module, setting.value).texts()
            if URL.match(url)
        }
        if not transports and self.running is not None and self.running.broker:
            return {self.running.broker}
        return transports

    @cached_property
    def uses_redis(self) -> bool:
        """Return whether the broker is Redis or one of its kin, and nothing else."""
        return bool(self.brokers) and self.brokers <= REDIS and self.brokers != {"memory"}

    def task_backends(self, alias: str) -> set[str]:
        """Return the classes that TASKS may name under an alias. Empty: they cannot be seen."""
        if not self.is_set("TASKS"):
            return {TASK_BACKEND}
        entries = [
            self.lookup.resolve(setting.module, setting.value).pairs().get(alias) for setting in self.of("TASKS")
        ]
        names = [entry.resolved.pairs().get("BACKEND") for entry in entries if entry is not None]
        return {name.const for name in names if name is not None and isinstance(name.const, str)}

    @cached_property
    def installed_apps(self) -> set[str]:
        """Return the apps that INSTALLED_APPS names anywhere."""
        return {text for setting in self.all if setting.key == "INSTALLED_APPS" for text in setting.value.texts()}


TASK_BACKEND = "django.tasks.backends.immediate.ImmediateBackend"  # where TASKS is not set


def with_starred_settings(modules: list[Module], lookup: Lookup) -> list[Module]:
    """Return the modules, and those that settings modules import with a star: they belong to the settings."""
    starred: list[Module] = []

    def follow(module: Module, depth: int) -> None:
        for star in module.stars:
            is_new = star not in lookup.names.modules
            source = lookup.names.module(star)
            if source is not None and is_new and depth < MAX_STARS:
                starred.append(source)
                follow(source, depth + 1)

    for module in modules:
        if looks_like_settings(module):
            follow(module, 0)
    return [*modules, *starred]


def settings_of_app(app: App) -> list[Setting]:
    """Return the settings that an app is constructed with."""
    return [
        Setting(name, APP_URLS.get(name, name), value, app.module, value.line, value.col, on_app=True)
        for name, value in app.options.items()
        if name in APP_URLS or name.startswith(APP_ARGUMENTS)
    ]


def settings_of_configuration(configuration: Configuration) -> list[Setting]:
    """Return the settings in a module or class that a Celery app is configured with."""
    return [
        from_assign(assign, assign.target, new_name(assign.target), configuration.module, on_app=True)
        for assign in configuration.assigns
        if is_celery_setting(assign.target)
    ]


def transport_of(url: str) -> str:
    """Return the transport that a broker URL names."""
    return url.partition(":")[0].partition("+")[0].lower()
