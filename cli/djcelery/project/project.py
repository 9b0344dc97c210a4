"""A Django + Celery code base as facts: what rules ask."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from typing import cast

from djcelery.project import context, settings
from djcelery.project.facts import Assign, Call, Function, Module, Value
from djcelery.project.files import Tree, promising
from djcelery.project.names import Found, Names
from djcelery.project.processes import Process, Scaling, processes, scalings
from djcelery.project.reader import read
from djcelery.project.running import Running
from djcelery.project.settings import Setting
from djcelery.project.tasks import (
    APP_NAMES,
    BASES,
    CANVAS,
    SENDING,
    SHARED,
    SIGNING,
    App,
    Entry,
    Route,
    Site,
    Task,
)

TRANSPARENT = frozenset({"sensitive_variables", "deprecated", "override"})
CALLING = SENDING | SIGNING | {"__call__"}


class Project:
    """The facts of a code base; everything is worked out when it is first asked for."""

    def __init__(self, tree: Tree, modules: Iterable[Module], running: Running | None = None) -> None:
        self.tree = tree
        self.running = running  # what the running app told, if it was asked
        self.paths = {entry.path for entry in tree.entries}
        self.layout = Layout.of(tree)
        self.late: list[Module] = []
        self.modules = sorted((module for module in modules), key=lambda module: module.path)
        self.names = Names(self.load)
        for module in self.modules:
            self.names.add(module)
        for module in [*self.modules]:
            if settings.looks_like_settings(module):
                self.follow_stars(module, 0)

    @classmethod
    def of(cls, texts: dict[str, str | bytes], running: Running | None = None) -> Project:
        """A project from texts in memory."""
        tree = Tree(texts=texts)
        tree.scan()
        layout = Layout({entry.path for entry in tree.entries})
        modules = [
            read(entry.path, layout.name(entry.path), tree.read(entry.path), layout.package(entry.path))
            for entry in tree.entries
            if entry.path.endswith(".py") and promising(entry.path, tree.read(entry.path))
        ]
        return cls(tree, modules, running)

    def load(self, name: str) -> Module | None:
        """Read one more module that a name leads to."""
        path = self.layout.path(name)
        if path is None:
            return None
        try:
            module = read(path, self.layout.name(path), self.tree.read(path), self.layout.package(path))
        except OSError:
            return None
        module.name = name
        self.late.append(module)
        return module

    def follow_stars(self, module: Module, depth: int) -> None:
        """Settings that are imported with a star belong to the settings."""
        for star in module.stars:
            known = star in self.names.modules
            found = self.names.module(star)
            if found is not None and not known and depth < 6:
                self.modules.append(found)
                self.follow_stars(found, depth + 1)

    # -- looking things up

    def find(self, module: Module, path: str) -> Found | None:
        """The definition behind a dotted path written in a module."""
        return self.names.find(module, path)

    def resolve(self, module: Module, value: Value, depth: int = 0) -> Value:
        """A value with names followed to what they are bound to, here or in another module."""
        seen = value.seen
        if seen.kind != "name" or depth > 6:
            return seen
        found = self.find(module, seen.name)
        if found is None or found.assign is None or found.assign.value is seen:
            return seen
        return self.resolve(found.module, found.assign.value, depth + 1)

    def number(self, module: Module, value: Value | None) -> float | None:
        """A plain number, also behind a name."""
        if value is None:
            return None
        const = self.resolve(module, value).const
        return const if isinstance(const, int | float) and not isinstance(const, bool) else None

    def text(self, module: Module, value: Value | None) -> str | None:
        """A plain text, also behind a name."""
        if value is None:
            return None
        resolved = self.resolve(module, value)
        return resolved.const if resolved.kind == "const" and isinstance(resolved.const, str) else None

    def derives(self, module: Module, base: str, ends: tuple[str, ...], depth: int = 0) -> bool:
        """Whether a base class is, or inherits from, one whose path ends with one of `ends`."""
        if base.endswith(ends):
            return True
        found = self.find(module, base) if depth < 6 else None
        if found is None or found.cls is None:
            return False
        return any(self.derives(found.module, each, ends, depth + 1) for each in found.cls.bases)

    # -- apps

    @cached_property
    def apps(self) -> list[App]:
        """The Celery apps."""
        found = []
        for module in self.modules:
            called = {call.value.root for call in module.called("config_from_object", "autodiscover_tasks")}
            for assign in module.assigns:
                if assign.value.kind != "call" or assign.how != "=":
                    continue
                if self.is_app_class(module, assign.value.name) or assign.target in called:
                    found.append(self.app(module, assign))
        return found

    def is_app_class(self, module: Module, name: str) -> bool:
        name = name.removesuffix("[]")  # Celery[SomeTask]("name")
        if name in {"celery.Celery", "celery.app.Celery", "celery.app.base.Celery"}:
            return True
        found = self.find(module, name) if name.endswith("Celery") else None
        return bool(found and found.cls and any(base.endswith(".Celery") for base in found.cls.bases))

    def app(self, module: Module, assign: Assign) -> App:
        app = App(module, assign.value, assign.target)
        given = assign.value.named.get("namespace")
        for call in module.called("config_from_object"):
            if call.value.root == assign.target:
                given = call.value.named.get("namespace", given)
                named = call.value.named.get("obj")
                source = self.text(module, call.value.items[0] if call.value.items else named)
                app.namespace = "" if (source or "django.conf").startswith("django.conf") else None
        if given is not None:
            app.namespace = self.text(module, given) or ""
        return app

    @cached_property
    def namespaces(self) -> set[str]:
        """The prefixes under which Django's settings reach Celery."""
        found = {
            app.namespace for app in self.apps if app.namespace is not None and not context.is_test(app.module.path)
        }
        return found or {"CELERY"}

    def is_app(self, module: Module, path: str) -> bool:
        """Whether a path means a Celery app."""
        found = self.find(module, path)
        if found is not None:
            return found.assign is not None and any(
                app.module is found.module and app.variable == found.name for app in self.apps
            )
        if path in {"celery.current_app", "celery.app.current_app"}:
            return True
        first, _, last = path.rpartition(".")
        return last in APP_NAMES and (not first or "celery" in first.lower())

    # -- settings

    @cached_property
    def setting_modules(self) -> list[Module]:
        """Django's settings modules, those imported with a star included."""
        starred = {star for module in self.modules for star in module.stars if settings.looks_like_settings(module)}
        return [module for module in self.modules if settings.looks_like_settings(module) or module.name in starred]

    @cached_property
    def settings(self) -> list[Setting]:
        """Every place that sets a setting."""
        variables = {app.variable.rpartition(".")[2] for app in self.apps} | {"current_app"}
        found = [each for module in self.setting_modules for each in settings.of_module(module, self.namespaces)]
        for module in self.modules:
            if not context.is_test(module.path):
                found += settings.on_app(module, variables)
        for app in self.apps:
            found += [
                Setting(name, name, value, app.module, value.line, value.col, "=", None, False, True)
                for name, value in app.call.named.items()
                if name.startswith(("task_", "worker_", "broker_", "result_", "beat_"))
            ]
            found += [
                Setting(
                    name,
                    f"{name}_url" if name == "broker" else f"result_{name}",
                    value,
                    app.module,
                    value.line,
                    value.col,
                    "=",
                    None,
                    False,
                    True,
                )
                for name, value in app.call.named.items()
                if name in {"broker", "backend"}
            ]
        return found

    def setting(self, key: str, testing: bool = False) -> list[Setting]:
        """The places that set one key; those of test settings only where asked for."""
        return [each for each in self.settings_by_key.get(key, ()) if testing or not each.testing]

    @cached_property
    def settings_by_key(self) -> dict[str, list[Setting]]:
        found: dict[str, list[Setting]] = {}
        for each in self.settings:
            found.setdefault(each.key, []).append(each)
        return found

    def is_set(self, key: str) -> bool:
        """Whether a key is set anywhere outside tests."""
        return bool(self.setting(key))

    def is_true(self, key: str) -> bool:
        """Whether a key is plainly on somewhere outside tests."""
        return any(self.resolve(each.module, each.value).const is True for each in self.setting(key))

    @cached_property
    def configured(self) -> bool:
        """Whether this code base holds the Celery app and the settings it reads, so that what is missing is missing."""
        return bool(self.own_apps) and any(
            setting.key == "INSTALLED_APPS" or setting.key.startswith(("broker_", "task_")) for setting in self.settings
        )

    @cached_property
    def own_apps(self) -> list[App]:
        """The apps outside tests and test settings."""
        aside = settings.TESTING
        return [
            app
            for app in self.apps
            if not context.is_test(app.module.path) and not aside.search(app.module.path.rpartition("/")[2])
        ]

    @cached_property
    def brokers(self) -> set[str]:
        """The transports the broker URLs name; empty where they cannot be seen."""
        found = set()
        for each in self.setting("broker_url") + [
            s for s in self.settings if s.name in {"BROKER_URL", "CELERY_BROKER_URL"}
        ]:
            for text in texts_of(self.resolve(each.module, each.value)):
                if "://" in text:
                    found.add(text.partition(":")[0].partition("+")[0].lower())
        if not found and self.running is not None and self.running.broker:
            return {self.running.broker}
        return found

    @cached_property
    def on_redis(self) -> bool:
        """Whether the broker is Redis or a kin, and nothing else."""
        return (
            bool(self.brokers)
            and self.brokers <= {"redis", "rediss", "valkey", "sentinel", "memory"}
            and self.brokers != {"memory"}
        )

    @cached_property
    def installed(self) -> set[str]:
        """The apps that INSTALLED_APPS names anywhere."""
        return {text for each in self.settings if each.key == "INSTALLED_APPS" for text in deep_texts(each.value)}

    # -- tasks

    @cached_property
    def tasks(self) -> list[Task]:
        """Every task of the code base."""
        found = []
        for module in [*self.modules]:
            for function in module.functions:
                if task := self.task_of(module, function):
                    found.append(task)
            found += self.called_tasks(module)
            found += self.class_tasks(module)
        return found

    @cached_property
    def own_tasks(self) -> list[Task]:
        """The tasks outside tests."""
        return [task for task in self.tasks if not context.is_test(task.module.path)]

    def task_of(self, module: Module, function: Function) -> Task | None:
        for value in function.decorators:
            how, inner = self.task_decorator(module, value, 0)
            if how:
                return self.task(module, function, value, how, inner)
        return None

    def task(self, module: Module, function: Function, value: Value, how: str, inner: Value | None) -> Task:
        hidden = self.opened(module, value.named["**"]) if "**" in value.named else {}
        spread = hidden is None or (inner is not None and "**" in inner.named)
        given = {**(inner.named if inner else {}), **(hidden or {})}
        options = {**{key: placed(each, value) for key, each in given.items()}, **value.named}
        name = options["name"].const if "name" in options and isinstance(options["name"].const, str) else ""
        base = [options["base"].name] if "base" in options else []
        return Task(
            name=name or f"{module.name}.{function.name}",
            module=module,
            function=function,
            options={key: each for key, each in options.items() if key != "**"},
            line=function.line,
            col=function.col,
            how=how,
            decorator=value,
            spread=spread,
            named="name" in options,
            method=function.cls >= 0,
            bases=base,
            custom=bool(base) and self.wraps(module, base[0], CALLING),
            decorated=self.changed(function, value),
            rerouted=any(self.defers(module, each) for each in base) or self.app_reroutes,
            unseen=any(self.unseen(module, each) for each in base) or self.app_unseen,
        )

    def opened(self, module: Module, value: Value, depth: int = 0) -> dict[str, Value] | None:
        """The options that `**value` stands for; None where they cannot all be seen."""
        held, resolved = self.home(module, value), self.resolve(module, value)
        if resolved.kind != "dict" or depth > 5:
            return None
        found: dict[str, Value] = {}
        for key, each in zip(resolved.keys, resolved.items, strict=True):
            more = (
                self.opened(held, each, depth + 1) if key.kind == "star" else {str(key.const): self.resolve(held, each)}
            )
            if more is None or key.kind not in {"star", "const"}:
                return None
            found |= more
        return found

    @staticmethod
    def changed(function: Function, value: Value) -> bool:
        """Whether other decorators stand below, which may change the parameters."""
        below = function.decorators[function.decorators.index(value) + 1 :]
        return any(not context.is_atomic(each) and each.last not in TRANSPARENT for each in below)

    @cached_property
    def app_reroutes(self) -> bool:
        """Whether the task class of an app has its own way of sending."""
        return any(self.defers(module, base) for module, base in self.task_classes)

    @cached_property
    def app_unseen(self) -> bool:
        """Whether the task class of an app cannot be seen."""
        return any(self.unseen(module, base) for module, base in self.task_classes)

    @cached_property
    def task_classes(self) -> list[tuple[Module, str]]:
        """The task classes that the apps name, each with the module that names it."""
        return [
            (app.module, self.text(app.module, value) or value.name)
            for app in self.own_apps
            if (value := app.call.named.get("task_cls")) is not None
        ]

    def wraps(self, module: Module, base: str, methods: frozenset[str]) -> bool:
        """Whether a base class plainly has one of these methods."""
        if self.plain_base(module, base):
            return False
        found = self.find(module, base.replace(":", "."))
        if found is None or found.cls is None:
            return False  # nothing known against it
        names = {
            function.name for function in found.module.functions if function.qualname.startswith(f"{found.cls.name}.")
        }
        return bool(names & methods) or any(self.wraps(found.module, each, methods) for each in found.cls.bases)

    def plain_base(self, module: Module, base: str) -> bool:
        """Whether a base class is Celery's own, also as `app.Task`."""
        root, _, last = base.rpartition(".")
        return base in BASES or (last == "Task" and bool(root) and self.is_app(module, root))

    def defers(self, module: Module, base: str) -> bool:
        """Whether a base class sends on commit by itself."""
        if self.plain_base(module, base):
            return False
        found = self.find(module, base.replace(":", "."))
        if found is None or found.cls is None:
            return False  # see `unseen`
        held, own = found.module, {f"{found.cls.name}.{method}" for method in SENDING}
        for call in held.calls:
            function = context.function_of(held, call.block)
            if "commit" in call.value.last and function is not None and function.qualname in own:
                return True
        return any(self.defers(held, each) for each in found.cls.bases)

    def unseen(self, module: Module, base: str) -> bool:
        """Whether a base class, or one that it inherits from, cannot be seen."""
        if self.plain_base(module, base):
            return False
        found = self.find(module, base.replace(":", "."))
        if found is None or found.cls is None:
            return True
        return any(self.unseen(found.module, each) for each in found.cls.bases)

    def task_decorator(self, module: Module, value: Value, depth: int) -> tuple[str, Value | None]:
        """How a decorator makes a task, and the inner call whose options count too."""
        name = value.name
        if name in SHARED:
            return "shared_task", None
        first, _, last = name.rpartition(".")
        if last in {"task", "periodic_task"} and first and self.is_app(module, first):
            return "app.task", None
        if depth > 1 or last in {"property", "staticmethod", "classmethod", "wraps", "receiver", "partial"}:
            return "", None
        return self.through_wrapper(module, value, depth)

    def through_wrapper(self, module: Module, value: Value, depth: int) -> tuple[str, Value | None]:
        found = self.find(module, value.name)
        if found is None:
            return "", None
        if found.function is not None:
            key = found.path, depth
            if key not in self.wrappers:
                self.wrappers[key] = self.wrapped(found.module, found.function, depth)
            return self.wrappers[key]
        if found.assign is not None and found.assign.value.kind == "name":
            how, _ = self.task_decorator(found.module, found.assign.value, depth + 1)
            return how, None
        if found.assign is not None and found.assign.value.kind == "call":
            made = found.assign.value
            if made.last == "partial" and made.items:
                how, _ = self.task_decorator(found.module, made.items[0], depth + 1)
                return ("shared_task", made) if how else ("", None)
        return "", None

    @cached_property
    def wrappers(self) -> dict[tuple[str, int], tuple[str, Value | None]]:
        return {}

    def wrapped(self, module: Module, function: Function, depth: int) -> tuple[str, Value | None]:
        """The call in the body of a decorator that makes a task."""
        for call in module.calls:
            if context.inside(module, call.block, function.block):
                how, _ = self.task_decorator(module, call.value, depth + 1)
                if how:
                    return "wrapper", call.value
        return "", None

    def called_tasks(self, module: Module) -> list[Task]:
        """`name = shared_task(function)` and `name = app.task(...)(function)`."""
        found = []
        for assign in module.assigns:
            value = assign.value
            if value.kind != "call" or not value.items or "." in assign.target or assign.how != "=":
                continue
            decorator = value.recv if value.recv is not None and value.recv.kind == "call" else value
            how, _ = self.task_decorator(module, decorator, 2)
            if not how:
                continue
            named = decorator.named.get("name")
            name = named.const if named is not None and isinstance(named.const, str) else ""
            target = self.find(module, value.items[0].name) if value.items[0].kind == "name" else None
            found.append(
                Task(
                    name or f"{module.name}.{value.items[0].last or assign.target}",
                    module,
                    target.function if target and target.module is module else None,
                    dict(decorator.named),
                    assign.line,
                    assign.col,
                    "call",
                    named=bool(name),
                )
            )
        return found

    def class_tasks(self, module: Module) -> list[Task]:
        """Classes that are registered: `app.register_task(Send())`."""
        found = []
        for call in module.called("register_task"):
            if not call.value.items:
                continue
            target = self.find(module, call.value.items[0].name)
            if target is None or target.cls is None:
                continue
            own = {
                assign.target: assign.value
                for assign in target.module.assigns
                if context.inside(target.module, assign.block, target.cls.block)
            }
            run = next((f for f in target.module.functions if f.qualname == f"{target.cls.name}.run"), None)
            name = own["name"].const if "name" in own and isinstance(own["name"].const, str) else target.path
            found.append(
                Task(
                    name,
                    target.module,
                    run,
                    own,
                    target.cls.line,
                    target.cls.col,
                    "class",
                    cls=target.cls,
                    named="name" in own,
                    custom=True,
                )
            )
        return found

    @cached_property
    def tasks_by_place(self) -> dict[tuple[str, str], Task]:
        found = {}
        for task in self.tasks:
            if task.function is not None and task.function.cls < 0 and task.how != "call":
                found[task.module.name, task.function.name] = task
            if task.cls is not None:
                found[task.module.name, task.cls.name] = task
        return found

    @cached_property
    def tasks_by_name(self) -> dict[str, Task]:
        """Tasks under the name Celery registers."""
        return {task.name: task for task in self.tasks}

    @cached_property
    def bodies(self) -> dict[tuple[str, int], Task]:
        """The task that a function's body belongs to, by module path and block."""
        return {(task.module.path, task.function.block): task for task in self.tasks if task.function is not None}

    def task_at(self, module: Module, path: str) -> Task | None:
        """The task a dotted path means."""
        found = self.find(module, path)
        if found is None:
            return self.task_by_text(path)
        task = self.tasks_by_place.get((found.module.name, found.name))
        if task is None and found.assign is not None:
            task = next(
                (t for t in self.tasks if t.how == "call" and t.module is found.module and t.line == found.assign.line),
                None,
            )
        return task

    def task_by_text(self, name: str) -> Task | None:
        """The task registered under a name."""
        return self.tasks_by_name.get(name)

    def task_around(self, module: Module, block: int) -> Task | None:
        """The task in whose body a line stands."""
        while block >= 0:
            found = self.bodies.get((module.path, block))
            if found is not None:
                return found
            block = module.blocks[block].parent
        return None

    @cached_property
    def task_calls(self) -> list[tuple[Module, Call, Task]]:
        """Every call in the body of a task, tests left out."""
        found = []
        for module in self.modules:
            if context.is_test(module.path) or not any(path == module.path for path, _ in self.bodies):
                continue
            for call in module.calls:
                if task := self.task_around(module, call.block):
                    found.append((module, call, task))
        return found

    def imports_anywhere(self, wanted: Module) -> bool:
        """Whether any file of the tree imports a module; asks the text of files that were passed over, too."""
        for module in [*self.modules, *self.late]:
            if module is not wanted and wanted.name in {*module.imported, *module.stars}:
                return True
            prefix = f"{wanted.name}."
            if module is not wanted and any(name.startswith(prefix) for name in module.imported):
                return True
        return self.mentioned(wanted)

    def mentioned(self, wanted: Module) -> bool:
        """Whether the text of any other file imports a module, or names it in a text."""
        return wanted.path in self.mentioned_paths

    @cached_property
    def mentioned_paths(self) -> set[str]:
        """Modules with tasks or an app that any text imports: all of them in one pass over the files."""
        wanted = {}
        for module in [*(task.module for task in self.own_tasks), *(app.module for app in self.own_apps)]:
            above, _, name = module.name.rpartition(".")
            if name != "tasks":
                wanted[module.path] = name.encode(), above.rpartition(".")[2].encode()
        found: set[str] = set()
        for path, data in self.texts:
            for other, (last, parent) in list(wanted.items()):
                if other != path and last in data and imports(data, last, parent):
                    found.add(other)
                    del wanted[other]
            if not wanted:
                break
        return found

    @property
    def texts(self) -> Iterator[tuple[str, bytes]]:
        """Every Python file, also those that were passed over."""
        for entry in self.tree.entries:
            if entry.path.endswith(".py"):
                try:
                    yield entry.path, self.tree.read(entry.path)
                except OSError:
                    continue

    def reads(self, name: str) -> bool:
        """Whether any other line of the tree speaks of a setting."""
        word = name.encode()
        if name not in self.read_names:
            count = 0
            for entry in self.tree.entries:
                if entry.path.endswith(".py"):
                    try:
                        data = self.tree.read(entry.path)
                    except OSError:
                        continue
                    used = (
                        len(re.findall(rb"(?:settings\.|[\"'(\[{,=] ?)" + word + rb"\b", data)) if word in data else 0
                    )
                    count += used
            self.read_names[name] = bool(count)
        return self.read_names[name]

    def mentions(self, words: tuple[bytes, ...], tests: bool = False) -> bool:
        """Whether any file holds one of the words; with `tests`, any file of the tests."""
        for entry in self.tree.entries:
            if not entry.path.endswith(".py") or (tests and not context.is_test(entry.path)):
                continue
            try:
                data = self.tree.read(entry.path)
            except OSError:
                continue
            if any(word in data for word in words):
                return True
        return False

    @cached_property
    def read_names(self) -> dict[str, bool]:
        return {}

    @property
    def late_names(self) -> bool:
        """Whether a file could not be read, so that something may be missing only from sight."""
        return any(module.trouble for module in self.modules)

    # -- sites

    @cached_property
    def all_sites(self) -> list[Site]:
        """Every place that sends a task or makes a signature, tests included."""
        found = []
        for module in [*self.modules]:
            for call in module.called(*SENDING, *SIGNING):
                if site := self.site(module, call):
                    found.append(site)
        return found

    @cached_property
    def sites(self) -> list[Site]:
        """Every place outside tests."""
        return [site for site in self.all_sites if not site.test]

    def site(self, module: Module, call: Call) -> Site | None:
        value = call.value
        method = value.last
        if method == "signature" and value.name in {"celery.signature", "celery.canvas.signature"}:
            return self.by_name(module, call, "signature")
        root = value.root
        if not root or root == "self":
            return None
        if method == "send_task":
            return self.by_name(module, call, method) if self.is_app(module, root) else None
        return self.on_task(module, call, method, root)

    def by_name(self, module: Module, call: Call, method: str) -> Site | None:
        given = call.value.named.get("name") or (call.value.items[0] if call.value.items else None)
        name = self.text(module, given) if given is not None else None
        return Site(module, call, method, self.task_by_text(name) if name else None, name or "?", True)

    def on_task(self, module: Module, call: Call, method: str, root: str) -> Site | None:
        value = call.value
        task = self.task_at(module, root.removesuffix("()"))
        if task is not None:
            return Site(module, call, method, task, root, True)
        held = value.recv.seen if value.recv is not None else None
        if held is not None and held.kind == "name":
            task = self.task_at(module, held.name)
            return Site(module, call, method, task, held.name, True) if task else None
        if held is not None and held.kind == "call":
            if held.last in SIGNING and held.root:
                inner = self.task_at(module, held.root)
                return Site(module, call, method, inner, held.root, inner is not None, signed=held) if inner else None
            if held.name in CANVAS:
                return Site(module, call, method, None, held.name, True, canvas=held.last)
            if held.name == "celery.signature":
                return Site(module, call, method, None, held.name, True, signed=held)
            return None
        likely = method in {"delay_on_commit", "apply_async_on_commit"} or (".tasks." in root and method not in SIGNING)
        return Site(module, call, method, None, root, False) if likely and "(" not in root and "?" not in root else None

    # -- the schedule and the routes

    @cached_property
    def schedule(self) -> list[Entry]:
        """Every entry of a beat schedule that can be seen."""
        found = []
        for each in self.settings:
            old = each.name == "CELERYBEAT_SCHEDULE"
            if each.key != "beat_schedule" and not old:
                continue
            if each.how == "[]" and each.sub is not None:
                found += self.entry(each.module, str(each.sub.const or "?"), each.value, each.testing)
                continue
            resolved = self.resolve(each.module, each.value)
            for key, value in zip(resolved.keys, resolved.items, strict=False):
                if resolved.kind == "dict":
                    found += self.entry(
                        self.home(each.module, each.value), str(key.const or key.name), value, each.testing
                    )
        return found + [
            each
            for module in self.modules
            for call in module.called("add_periodic_task")
            for each in self.added(module, call.value)
        ]

    def added(self, module: Module, value: Value) -> list[Entry]:
        """An entry made by `app.add_periodic_task(schedule, task.s(...))`."""
        if len(value.items) < 2:
            return []
        sent = value.items[1].seen
        task = self.task_at(module, sent.root) if sent.last in SIGNING else None
        options = Value("dict", keys=[Value("const", const=key) for key in value.named], items=[*value.named.values()])
        parts = {"schedule": value.items[0], "options": options}
        given = value.named.get("name")
        name = str(given.const) if given is not None and given.const else (task.name if task else "?")
        return [
            Entry(
                name,
                module,
                value.line,
                value.col,
                value,
                task.name if task else "",
                task,
                parts,
                context.is_test(module.path),
            )
        ]

    def home(self, module: Module, value: Value) -> Module:
        """The module in which the text of a value stands."""
        seen = value.seen
        found = self.find(module, seen.name) if seen.kind == "name" else None
        return (
            self.home(found.module, found.assign.value)
            if found and found.assign and found.assign.value is not seen
            else module
        )

    def entry(self, module: Module, name: str, value: Value, testing: bool) -> list[Entry]:
        resolved = self.resolve(module, value)
        parts = resolved.pairs()
        if "task" not in parts:
            return []
        text = self.text(module, parts["task"]) or ""
        task = self.task_by_text(text) if text else None
        if not text and parts["task"].last == "name":
            task = self.task_at(module, parts["task"].root)
        return [Entry(name, module, resolved.line, resolved.col, resolved, text, task, parts, testing)]

    @cached_property
    def routes(self) -> list[Route] | None:
        """The lines of task_routes; None where they cannot all be seen."""
        found: list[Route] = []
        for each in self.setting("task_routes"):
            lines = self.route_lines(each)
            if lines is None:
                return None
            found += lines
        return found

    def route_lines(self, each: Setting) -> list[Route] | None:
        if each.how == "[]" and each.sub is not None and isinstance(each.sub.const, str):
            queue = self.queue_of(each.module, each.value)
            return [Route(each.sub.const, queue or "", each.module, each.line, each.col)]
        resolved = self.resolve(each.module, each.value)
        dicts = resolved.items if resolved.kind in {"tuple", "list"} else [resolved]
        found = []
        for one in dicts:
            if one.kind != "dict" or any(key.kind != "const" for key in one.keys):
                return None
            module = self.home(each.module, each.value)
            for key, value in zip(one.keys, one.items, strict=True):
                queue = self.queue_of(module, value)
                found.append(Route(str(key.const), queue or "", module, key.line, key.col))
        return found

    def queue_of(self, module: Module, value: Value) -> str | None:
        resolved = self.resolve(module, value)
        if resolved.kind in {"dict", "call"} and "queue" in resolved.pairs():
            return self.text(module, resolved.pairs()["queue"])
        return self.text(module, resolved)

    @cached_property
    def queues(self) -> set[str] | None:
        """The queues that task_queues declares; None where it is not set or cannot be seen."""
        found: set[str] = set()
        places = self.setting("task_queues")
        for each in places:
            resolved = self.resolve(each.module, each.value)
            if resolved.kind == "dict":
                names = [key.const if isinstance(key.const, str) else None for key in resolved.keys]
            elif resolved.kind in {"list", "tuple", "set"}:
                names = [self.queue_name(each.module, item) for item in resolved.items]
            else:
                return None
            if None in names:
                return None
            found |= {str(name) for name in names}
        return found if places else None

    def queue_name(self, module: Module, item: Value) -> str | None:
        item = self.resolve(module, item)
        if item.kind == "call" and item.last == "Queue":
            return self.text(module, item.named.get("name") or (item.items[0] if item.items else None))
        return None

    def matches(self, pattern: str) -> bool:
        """Whether a route's pattern matches a task."""
        return any(fnmatch.fnmatchcase(task.name, pattern) for task in self.tasks)

    def first_party(self, dotted: str) -> bool:
        """Whether the first part of a dotted path is a package of this code base."""
        return dotted.partition(".")[0] in self.layout.tops

    # -- infrastructure

    @property
    def workers(self) -> list[Process]:
        """Every worker among them."""
        return [process for process in self.processes if process.role == "worker"]

    @cached_property
    def processes(self) -> list[Process]:
        """Every worker and beat that infrastructure files start."""
        found = []
        for entry in self.tree.entries:
            name = entry.path.rpartition("/")[2]
            if name.startswith("Procfile") or (name.endswith((".yml", ".yaml", ".service")) and entry.size < 500_000):
                try:
                    found += processes(entry.path, self.tree.read(entry.path))
                except OSError:
                    continue
        return found

    @cached_property
    def scalings(self) -> list[Scaling]:
        """Every autoscaler of Kubernetes that can be seen."""
        found: list[Scaling] = []
        for entry in self.tree.entries:
            if entry.path.endswith((".yml", ".yaml")) and entry.size < 500_000:
                try:
                    found += scalings(entry.path, self.tree.read(entry.path))
                except OSError:
                    continue
        return found


class Layout:
    """Which dotted name a path has, and the other way round."""

    def __init__(self, paths: set[str]) -> None:
        self.paths = paths
        self.packages = {path.rpartition("/")[0] for path in paths if path.endswith("/__init__.py")}
        self.roots = {path.rpartition("/")[0] for path in paths if path.rpartition("/")[2] == "manage.py"}
        self.by_name: dict[str, str] = {}
        for path in sorted(paths, key=len, reverse=True):
            if path.endswith(".py"):
                self.by_name[self.name(path)] = path
        for path in sorted(paths, key=len):
            if path.endswith(".py"):
                self.by_name.setdefault(path.removesuffix(".py").removesuffix("/__init__").replace("/", "."), path)
        self.tops = {name.partition(".")[0] for name in self.by_name} - {
            "tests",
            "test",
            "docs",
            "setup",
            "manage",
            "conftest",
        }

    @classmethod
    def of(cls, tree: Tree) -> Layout:
        """The layout of a tree, worked out once."""
        if tree.layout is None:
            tree.layout = cls({entry.path for entry in tree.entries})
        return cast("Layout", tree.layout)

    def root(self, path: str) -> str:
        """The folder that a path is imported from."""
        own = folder = path.rpartition("/")[0]
        while folder in self.packages:
            folder = folder.rpartition("/")[0]
        held = [root for root in self.roots if not root or folder == root or folder.startswith(f"{root}/")]
        if held and folder != "src":
            return max(held, key=len)
        return folder if own in self.packages else ""  # a folder without __init__.py is a package too, by place

    def name(self, path: str) -> str:
        """The dotted name."""
        root = self.root(path)
        inner = path[len(root) + 1 :] if root else path
        return inner.removesuffix(".py").removesuffix("/__init__").replace("/", ".").removeprefix("src.")

    def package(self, path: str) -> bool:
        return path.endswith("__init__.py")

    def path(self, name: str) -> str | None:
        """The file behind a dotted name."""
        return self.by_name.get(name)


def imports(data: bytes, last: bytes, parent: bytes) -> bool:
    """Whether a text imports `parent.last`, as far as its single lines tell."""
    start = data.find(last)
    while start >= 0:
        begin, end = data.rfind(b"\n", 0, start) + 1, data.find(b"\n", start)
        line = data[begin : end if end >= 0 else len(data)].strip()
        if line.startswith((b"from", b"import")):
            source, _, names = line.partition(b" import ")
            if source.endswith(b"." + last) or (line.startswith(b"import") and b"." + last in line):
                return True
            if re.search(rb"\b" + last + rb"\b", names) and source.endswith((b".", b" " + parent, b"." + parent)):
                return True
        elif re.fullmatch(rb"\(?" + last + rb"(?: as \w+)?[,)]*", line) or re.search(
            rb"[\"'][\w.]*\." + last + rb"[\"':.]", line
        ):
            return True
        start = data.find(last, start + len(last))
    return False


def placed(value: Value, other: Value) -> Value:
    """A value from elsewhere, at the place that brings it in."""
    return replace(value, line=other.line, col=other.col, end_line=other.end_line, end_col=other.end_col)


def texts_of(value: Value) -> list[str]:
    """The texts in an expression: the constant itself, the default of an environment call."""
    if value.kind == "const":
        return [value.const] if isinstance(value.const, str) else []
    return [text for each in [*value.items, *value.named.values()] for text in texts_of(each.seen)]


def deep_texts(value: Value) -> list[str]:
    return texts_of(value)
