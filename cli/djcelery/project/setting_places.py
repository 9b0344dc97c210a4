"""Find the places in one module that set a setting, under Celery's own name for it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from djcelery.project import context
from djcelery.project.celery_names import OLD_SETTINGS, SETTINGS
from djcelery.project.facts import Assign, Call, Module, Value

SETTINGS_FILES = frozenset("celeryconfig celery_config celerysettings celery_settings settings".split())
DJANGO_SETTINGS = frozenset(
    "ATOMIC_REQUESTS DATABASES INSTALLED_APPS LOGGING DEBUG TIME_ZONE USE_TZ TASKS CACHES LOGGING_CONFIG".split()
)
SETTING_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
BRANCHES = frozenset({"if", "try", "except", "def", "class"})


@dataclass(slots=True)
class Setting:
    """Describe one place that sets a setting."""

    name: str  # as written
    key: str  # Celery's name for it, or Django's own; empty where Celery would not read it
    value: Value
    module: Module
    line: int
    col: int
    operator: str = "="
    item_key: Value | None = None  # of `NAME[key] = value`
    conditional: bool = False
    on_app: bool = False  # on the app itself or its conf, not in a settings module

    @property
    def testing(self) -> bool:
        """Return whether this holds in tests only."""
        return context.is_test_settings(self.module.path) or context.is_test(self.module.path)

    @property
    def local(self) -> bool:
        """Return whether this holds for tests or on a developer's machine only."""
        return self.testing or context.is_local_settings(self.module.path)


def looks_like_settings(module: Module) -> bool:
    """Return whether a module is one of Django's settings modules, by its place or by what it sets."""
    folders, _, file = module.path.rpartition("/")
    in_settings_folder = folders.rpartition("/")[2] in {"settings", "conf"}
    if file.removesuffix(".py") in SETTINGS_FILES or in_settings_folder or "settings" in file:
        return bool(module.stars) or any(target.isupper() or target.islower() for target in module.assign_positions)
    return "INSTALLED_APPS" in module.assign_positions


def key_of(name: str, namespaces: set[str]) -> str:
    """Return Celery's name for a setting as it is written in Django's settings."""
    if name in DJANGO_SETTINGS:
        return name
    lower = name.lower()
    for namespace in namespaces:
        if namespace and name.startswith(f"{namespace}_") and lower[len(namespace) + 1 :] in SETTINGS:
            return lower[len(namespace) + 1 :]
    if "" not in namespaces:
        return ""
    if name in OLD_SETTINGS:
        return OLD_SETTINGS[name]
    if lower in SETTINGS:
        return lower
    without_prefix = lower.removeprefix("celery_")
    return without_prefix if name.startswith("CELERY_") and without_prefix in SETTINGS else ""


def settings_in(module: Module, namespaces: set[str]) -> list[Setting]:
    """Return what a settings module sets."""
    settings = []
    for assign in module.assigns:
        name = assign.target.removeprefix("self.")
        lowercase = name.islower() and name in SETTINGS and "" in namespaces
        if not lowercase and not SETTING_NAME.fullmatch(name):
            continue
        if context.function_of(module, assign.block) is None:
            settings.append(from_assign(assign, name, key_of(name, namespaces), module))
    for call in module.calls_to("update"):
        settings += from_dict_update(call, module, namespaces)
    return settings


def from_assign(assign: Assign, name: str, key: str, module: Module, on_app: bool = False) -> Setting:
    """Return the setting that an assignment sets."""
    conditional = any(block.kind in BRANCHES for block in context.enclosing_blocks(module, assign.block))
    return Setting(
        name, key, assign.value, module, assign.line, assign.col, assign.operator, assign.key, conditional, on_app
    )


def from_dict_update(call: Call, module: Module, namespaces: set[str]) -> list[Setting]:
    """Return the setting that `NAME.update(...)` changes."""
    name, _, method = call.value.name.rpartition(".")
    if method != "update" or not SETTING_NAME.fullmatch(name) or not call.value.items:
        return []
    value = call.value.items[0]
    return [Setting(name, key_of(name, namespaces), value, module, value.line, value.col, "update")]


def settings_on_app(module: Module, variables: set[str]) -> list[Setting]:
    """Return what a module sets on `app.conf` directly, in all its forms."""
    settings = []
    for assign in module.assigns_where(lambda target: ".conf" in target):
        holder, _, last = assign.target.rpartition(".conf.")
        if holder and holder.rpartition(".")[2] in variables and (last in SETTINGS or last in OLD_SETTINGS):
            settings.append(from_assign(assign, last, OLD_SETTINGS.get(last, last), module, on_app=True))
        elif assign.operator == "[]" and assign.target.endswith(".conf") and assign.key and assign.key.const:
            name = str(assign.key.const)
            if is_celery_setting(name):
                settings.append(from_assign(assign, name, new_name(name), module, on_app=True))
    for call in module.calls_to("update"):
        if call.value.name.endswith(".conf.update"):
            settings += from_conf_update(call.value, module)
    return settings


def from_conf_update(value: Value, module: Module) -> list[Setting]:
    """Return the settings that `app.conf.update(...)` sets."""
    pairs = {**value.keywords}
    for item in value.items:
        pairs.update(item.resolved.pairs())
    return [
        Setting(name, new_name(name), part, module, part.line, part.col, on_app=True)
        for name, part in pairs.items()
        if is_celery_setting(name)
    ]


def is_celery_setting(name: str) -> bool:
    """Return whether Celery has a setting of this name, in any case, or had one before version 4."""
    return name.lower() in SETTINGS or name in OLD_SETTINGS


def new_name(name: str) -> str:
    """Return the name that a setting has since Celery 4."""
    return OLD_SETTINGS.get(name, name.lower())
