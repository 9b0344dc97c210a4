"""The settings of a project as far as its files tell: every place that sets one, under Celery's own name for it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from djcelery.project import context
from djcelery.project.celery_names import OLD_SETTINGS, SETTINGS
from djcelery.project.facts import Assign, Call, Module, Value

PLAIN = frozenset("celeryconfig celery_config celerysettings celery_settings settings".split())
TESTING = re.compile(r"(^|[/_.])(tests?|testing|ci|pytest)([/_.]|$)")
LOCAL = re.compile(r"(^|[/_.])(dev|devel|development|local|sandbox|demo|example|docker|devstack|debug|gitpod)([/_.]|$)")
DJANGO = frozenset(
    "ATOMIC_REQUESTS DATABASES INSTALLED_APPS LOGGING DEBUG TIME_ZONE USE_TZ TASKS CACHES LOGGING_CONFIG".split()
)


@dataclass(slots=True)
class Setting:
    """One place that sets a setting."""

    name: str  # as written
    key: str  # Celery's name for it, or Django's own; empty where Celery would not read it
    value: Value
    module: Module
    line: int
    col: int
    how: str
    sub: Value | None  # the key of `NAME[key] = value`
    conditional: bool
    direct: bool  # on the app's conf, not through a settings module

    @property
    def testing(self) -> bool:
        """Whether this holds in tests only."""
        return bool(TESTING.search(self.module.path.rpartition("/")[2])) or context.is_test(self.module.path)

    @property
    def local(self) -> bool:
        """Whether this holds for tests or for one's own machine only."""
        return self.testing or bool(LOCAL.search("/".join(self.module.path.split("/")[-2:])))


def looks_like_settings(module: Module) -> bool:
    """Whether a module is one of Django's settings modules, by its place or by what it sets."""
    folders, _, file = module.path.rpartition("/")
    if file.removesuffix(".py") in PLAIN or folders.rpartition("/")[2] in {"settings", "conf"} or "settings" in file:
        return any(assign.target.isupper() or assign.target.islower() for assign in module.assigns)
    return any(assign.target == "INSTALLED_APPS" for assign in module.assigns)


def key_of(name: str, namespaces: set[str]) -> str:
    """Celery's name for a setting as it is written in Django's settings."""
    if name in DJANGO:
        return name
    for namespace in namespaces:
        if namespace and name.startswith(f"{namespace}_") and name[len(namespace) + 1 :].lower() in SETTINGS:
            return name[len(namespace) + 1 :].lower()
    if "" in namespaces:
        if name in OLD_SETTINGS:
            return OLD_SETTINGS[name]
        bare = name.lower().removeprefix("celery_")
        return (
            name.lower()
            if name.lower() in SETTINGS
            else bare
            if bare in SETTINGS and name.startswith("CELERY_")
            else ""
        )
    return ""


def of_module(module: Module, namespaces: set[str]) -> list[Setting]:
    """What a settings module sets."""
    found = []
    for assign in module.assigns:
        name = assign.target.removeprefix("self.")
        if not re.fullmatch(r"[A-Z][A-Z0-9_]*", name) and not (
            name.islower() and name in SETTINGS and "" in namespaces
        ):
            continue
        function = context.function_of(module, assign.block)
        if function is None:
            found.append(made(assign, name, key_of(name, namespaces), module))
    found += [each for call in module.called("update") for each in of_update(call, module, namespaces)]
    return found


def of_update(call: Call, module: Module, namespaces: set[str]) -> list[Setting]:
    name, _, method = call.value.name.rpartition(".")
    if method != "update" or not re.fullmatch(r"[A-Z][A-Z0-9_]*", name) or not call.value.items:
        return []
    value = call.value.items[0]
    return [Setting(name, key_of(name, namespaces), value, module, value.line, value.col, "update", None, False, False)]


def made(assign: Assign, name: str, key: str, module: Module, direct: bool = False) -> Setting:
    around = [block.kind for block in context.up(module, assign.block)]
    conditional = any(kind in {"if", "try", "except", "def", "class"} for kind in around)
    return Setting(
        name, key, assign.value, module, assign.line, assign.col, assign.how, assign.key, conditional, direct
    )


def on_app(module: Module, apps: set[str]) -> list[Setting]:
    """What is set on `app.conf` directly, in all its forms."""
    found = []
    for assign in module.assigns:
        holder, _, last = assign.target.rpartition(".conf.")
        if holder and holder.rpartition(".")[2] in apps and (last in SETTINGS or last in OLD_SETTINGS):
            found.append(made(assign, last, OLD_SETTINGS.get(last, last), module, direct=True))
        elif assign.how == "[]" and assign.target.endswith(".conf") and assign.key and assign.key.const:
            name = str(assign.key.const)
            if name.lower() in SETTINGS or name in OLD_SETTINGS:
                found.append(made(assign, name, OLD_SETTINGS.get(name, name.lower()), module, direct=True))
    for call in module.called("update"):
        if call.value.name.endswith(".conf.update"):
            found += from_update(call.value, module)
    return found


def from_update(value: Value, module: Module) -> list[Setting]:
    pairs = {**value.named}
    for item in value.items:
        pairs.update(item.seen.pairs())
    return [
        Setting(name, OLD_SETTINGS.get(name, name.lower()), each, module, each.line, each.col, "=", None, False, True)
        for name, each in pairs.items()
        if name.lower() in SETTINGS or name in OLD_SETTINGS
    ]
