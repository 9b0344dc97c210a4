"""Plan `djcelery init --jobs`: the library, its app, middleware and URLs, its settings, and a Celery app if need be."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from djcelery.editing import NotEditable
from djcelery.editing.python import PythonSource
from djcelery.installing import settings_block
from djcelery.installing.exclusions import leave_library_out
from djcelery.installing.library import add_library
from djcelery.installing.pre_commit import leave_library_out_of_hooks
from djcelery.installing.sources import Sources, display_at, node_at
from djcelery.installing.workloads import WorkloadClass, workloads_of_today
from djcelery.project.apps import App
from djcelery.project.beat_scripts import SCHEDULER
from djcelery.project.dependency_files import distribution_name
from djcelery.project.facts import Module
from djcelery.project.installation import LIBRARY, Installation
from djcelery.project.settings_chain import ListSetting

MIDDLEWARE = "djcelery_jobs.remember_request"
PREFIX = "djcelery/"
APP_REASON = "every process that runs Django has the Celery app"
SETTINGS_NAMES = frozenset({"settings", "conf"})
# Names of packages that many projects share: a prefix of keys in Redis made of one would not tell two of them apart.
SHARED_NAMES = SETTINGS_NAMES | frozenset("app apps backend base config core django main project server src".split())
# How beat's scheduler is named on a command line.
SCHEDULER_OPTION = re.compile(
    r"(?P<option>(?:-S|--scheduler)(?:[ =]|[\"'],[ \t]*[\"']))"
    r"(?P<name>django_celery_beat\.schedulers[:.]DatabaseScheduler|django|celery\.beat[:.]PersistentScheduler)"
    r"(?![\w.:-])"
)
NEW_APP = '''"""The Celery app of this project. Its settings begin with CELERY_ in the settings of Django."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{settings}")

app = Celery("{name}")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
'''


class JobsInstaller:
    """Plan everything that background jobs need in one project."""

    def __init__(self, sources: Sources, installation: Installation) -> None:
        self.plan = sources.plan
        self.sources = sources
        self.installation = installation
        self.celery = installation.celery
        self.notes: list[str] = []  # what to do besides, one sentence each

    def install(self) -> None:
        """Plan all changes. What is there already is left as it is."""
        if self.installation.is_installed:
            return
        if add_library(self.plan, self.installation):
            folder = self.installation.manage.rpartition("/")[0]
            self.notes += leave_library_out(self.plan, folder, self.installation.import_root)
            leave_library_out_of_hooks(self.plan, self.installation.import_root)
        self._add_to_list("INSTALLED_APPS", LIBRARY, "installs the app of the library", is_required=True)
        self._add_to_list("MIDDLEWARE", MIDDLEWARE, "jobs remember which request dispatched them", is_required=False)
        self._add_urls()
        if self.celery.app is None:
            self._add_settings(
                settings_block.new_block(self.installation, self._name),
                "import os",
                "Workload, queues, routes, task_limits",
            )
            self._add_app()
            return
        workloads = workloads_of_today(self.installation)
        if self.celery.reads_django:
            self._adopt(workloads)
        else:
            self._configure_app(workloads)
        self._import_app(self.celery.app)
        self._replace_scheduler_options()

    @property
    def _name(self) -> str:
        """Return what the project calls itself: its package, its distribution, or else the folder that it is in."""
        package = self.installation.package
        if package and package not in SHARED_NAMES:
            return package
        return distribution_name(self.installation.tree) or self.plan.root.resolve().name

    # -- lists and URLs

    def _add_to_list(self, name: str, item: str, reason: str, *, is_required: bool) -> None:
        places = self.installation.places(name)
        for place in places:
            line, col = place.value.line, place.value.col

            def change(source: PythonSource, line: int = line, col: int = col) -> None:
                display = display_at(source, line, col)
                source.append_item(display, source.quoted(item, display))

            self.sources.edit(place.module.path, change, reason, f'"{item}",', line=line, is_required=is_required)
        if places:
            return
        setting = self.installation.settings.list_setting(name)
        self._add_at_the_end(name, setting, item, reason, is_required=is_required)

    def _add_at_the_end(
        self, name: str, setting: ListSetting | None, item: str, reason: str, *, is_required: bool
    ) -> None:
        home = self._home_of([name])
        if setting is None or not setting.kind or home is None or self.installation.has_class_settings:
            path = home.path if home else self.installation.settings.modules[-1].path
            why = f"{name} is not written as a list"
            self.sources.by_hand(path, 0, f'{name} = [*{name}, "{item}"]', why, is_required=is_required)
            return
        opening, close = ("[", "]") if setting.kind == "list" else ("(", ")")

        def change(source: PythonSource) -> None:
            comma = "," if opening == "(" else ""
            source.append_lines(f"{name} = {opening}*{name}, {source.quoted(item)}{comma}{close}\n")

        self.sources.edit(home.path, change, reason, f'{name} = [*{name}, "{item}"]', is_required=is_required)

    def _add_urls(self) -> None:
        name = self.installation.settings.text("ROOT_URLCONF")
        path = self.installation.project.layout.path(name) if name else None
        text = f'path("{PREFIX}", include("djcelery_jobs.urls"))'
        if path is None:
            settings = self.installation.settings.modules[-1].path
            self.sources.by_hand(settings, 0, f"{text},", "ROOT_URLCONF names no file of the project")
            return

        def change(source: PythonSource) -> None:
            display = _patterns(source)
            quoted = f"path({source.quoted(PREFIX, display)}, include({source.quoted('djcelery_jobs.urls', display)}))"
            source.prepend_item(display, quoted)
            missing = sorted({"include", "path"} - source.imported_names())
            if missing:
                source.add_import(f"from django.urls import {', '.join(missing)}")

        self.sources.edit(path, change, f"/{PREFIX}health/live, /{PREFIX}health/ready and /{PREFIX}metrics", f"{text},")

    # -- settings

    def _home_of(self, names: list[str]) -> Module | None:
        """Return the first module in whose scope all of these settings are set that are set at all."""
        settings = self.installation.settings
        needed = {
            assigns[0][0].path
            for name in names
            if (assigns := [pair for pair in settings.assigns(name) if pair[1].operator == "="])
        }
        return next((module for module in settings.modules if needed <= settings.closure(module)), None)

    def _add_settings(self, block: str, statement: str, names: str) -> None:
        home = self._home_of(["INSTALLED_APPS", "MIDDLEWARE", *self._shared_names()])
        path = home.path if home else self.installation.settings.modules[-1].path
        imports = f"from djcelery_jobs import {names}"
        snippet = f"{imports}\n{block}"
        if home is None or self.installation.has_class_settings:
            self.sources.by_hand(path, 0, snippet, "the settings are not one module", is_required=True)
            return

        def change(source: PythonSource) -> None:
            if statement:
                source.add_import(statement)
            source.add_import(imports)
            source.append_lines(block)

        self.sources.edit(path, change, "declares the workload classes", snippet, is_required=True)

    def _shared_names(self) -> list[str]:
        return [self.celery.setting_name(key) for key in ("task_routes", "beat_schedule")]

    def _adopt(self, workloads: list[WorkloadClass]) -> None:
        """Plan the settings of a Celery app that reads Django's."""
        home = self._home_of(["INSTALLED_APPS", "MIDDLEWARE", *self._shared_names()])
        scope = self.installation.settings.closure(home) if home else set()
        block = settings_block.block_of_today(self.installation, workloads, scope)
        names = "Workload, routes, task_limits" if "task_limits(" in block else "Workload, routes"
        self._add_settings(block, "", names)
        self._replace_scheduler_settings()
        display = settings_block.schedule_display(self.installation)
        if display is not None:
            module, value = display

            def change(source: PythonSource) -> None:
                display = display_at(source, value.line, value.col)
                if value.items:
                    source.append_item(display, settings_block.PRUNE)
                else:
                    lines = source.newline.join(("{", f"    {settings_block.PRUNE},", "}"))
                    source.replace(source.start(display), source.end(display), lines)

            self.sources.edit(module.path, change, "prunes finished jobs each hour", f"{settings_block.PRUNE},",
                              line=value.line)  # fmt: skip

    def _replace_scheduler_settings(self) -> None:
        """Plan our locked scheduler in place of the one that the settings name."""
        new = settings_block.scheduler_of(self.celery, has_database=False)
        for setting in self.celery.project.settings_of("beat_scheduler", testing=True):
            line, col = setting.value.line, setting.value.col
            if self.celery.project.text(setting.module, setting.value) is None or setting.on_app:
                continue

            def change(source: PythonSource, line: int = line, col: int = col) -> None:
                node = node_at(source, line, col, ast.Constant)
                source.replace(source.start(node), source.end(node), source.quoted(new, node))

            self.sources.edit(setting.module.path, change, "the schedule stays, and beat holds a lock",
                              f'{setting.name} = "{new}"', line=line, is_required=True)  # fmt: skip

    def _configure_app(self, workloads: list[WorkloadClass]) -> None:
        """Plan the settings of a Celery app that has a configuration of its own."""
        self._add_settings(settings_block.classes_of_today(workloads), "", "Workload")
        app = self.celery.app
        assert app is not None
        if app.configured_by and app.configuration is None:
            self.notes.append(
                f"The Celery app is configured by {app.configured_by}, which djcelery cannot read. Compare the queues "
                "and limits in WORKLOADS with it."
            )
        variable = app.variable
        lines = [
            *settings_block.table_of_routes(self.installation).splitlines(),
            f"{variable}.conf.task_routes = [routes(ROUTES), *maybe_list({variable}.conf.task_routes or ())]",
            f"{variable}.conf.task_annotations = [*maybe_list({variable}.conf.task_annotations or ()), "
            "task_limits(ROUTES)]",
            f'{variable}.conf.beat_scheduler = "{settings_block.scheduler_of(self.celery, has_database=False)}"',
            f"{variable}.conf.beat_max_loop_interval = 2",
            f'{variable}.conf.worker_consumer = "djcelery_jobs:Consumer"',
            f"{variable}.conf.beat_schedule = {{\n    **({variable}.conf.beat_schedule or {{}}),\n"
            f"    {settings_block.PRUNE},\n}}",
        ]
        text = "".join(f"{line}\n" for line in lines)
        reason = "beat holds a lock and publishes durable jobs"
        if self.celery.is_made_by_function or "." in variable:
            self.sources.by_hand(
                app.module.path, app.call.line, text, "the app is made by a function", is_required=True
            )
            return

        def change(source: PythonSource) -> None:
            source.add_import("from kombu.utils.functional import maybe_list")
            source.add_import("from djcelery_jobs import routes, task_limits")
            source.append_lines(f"\n# {reason.capitalize()}.\n{text}")

        self.sources.edit(app.module.path, change, reason, text, line=app.call.line, is_required=True)

    # -- the Celery app

    def _add_app(self) -> None:
        """Plan a Celery app, and its import when Django starts."""
        root = f"{self.installation.import_root}/" if self.installation.import_root else ""
        package = self.installation.package
        settings = self.installation.settings_name
        has_package = self._package_file() is not None
        path = f"{root}{package}/celery.py" if has_package else f"{root}celery_app.py"
        name = package if has_package else "celery_app"
        if self.plan.exists(path):
            self.sources.by_hand(path, 0, NEW_APP.format(settings=settings, name=name), "the file has another use",
                                 is_required=True)  # fmt: skip
            return
        self.plan.create(path, NEW_APP.format(settings=settings, name=name).encode(), "makes the Celery app")
        self._import(f"from {'.celery' if has_package else name} import app as celery_app", "celery_app")

    def _import_app(self, app: App) -> None:
        """Plan the import of an app that nothing imports: a process without it publishes to Celery's default broker."""
        if self.installation.project.imports_anywhere(app.module) or app.module.is_package:
            return
        statement = f"from {app.module.name} import {app.variable} as celery_app"
        if any(call.value.name == "django.setup" for call in app.module.calls):
            path = app.module.path
            self.sources.by_hand(path, app.call.line, statement, "nothing imports the Celery app when Django starts")
            return
        self._import(statement, "celery_app")

    def _import(self, statement: str, name: str) -> None:
        """Plan an import that runs when Django starts: in the package of the settings, or in the settings."""
        path = self._package_file()
        if path is not None:
            is_empty = not self.plan.read(path).strip()
            text = f'{statement}\n\n__all__ = ["{name}"]\n' if is_empty else f"\n{statement}  # noqa: E402, F401\n"
            self._append(path, text, APP_REASON)
        elif (home := self._home_of(["INSTALLED_APPS", "MIDDLEWARE"])) is not None:
            self._append(home.path, f"\n{statement}  # noqa: E402, F401\n", APP_REASON)

    def _package_file(self) -> str | None:
        """Return the `__init__.py` of the package that holds the settings, unless it is the settings."""
        root = f"{self.installation.import_root}/" if self.installation.import_root else ""
        package = self.installation.package
        path = f"{root}{package}/__init__.py"
        return path if package and package not in SETTINGS_NAMES and self.plan.exists(path) else None

    def _append(self, path: str, text: str, reason: str) -> None:
        self.sources.edit(path, lambda source: source.append_lines(text), reason, text, is_required=True)

    # -- command lines

    def _replace_scheduler_options(self) -> None:
        """Plan our scheduler on the command lines of beat, where an option would win over the setting."""
        for entry in self.installation.tree.entries:
            if not _may_start_processes(entry.path):
                continue
            try:
                data = self.installation.tree.read(entry.path)
            except OSError:  # too large, or not to be read
                continue
            if b"beat" not in data or (b"-S" not in data and b"--scheduler" not in data):
                continue
            text = data.decode("utf-8", "surrogateescape")
            changed = SCHEDULER_OPTION.sub(_locked, text)
            if changed != text:
                self.plan.read(entry.path)
                self.plan.write(entry.path, changed.encode("utf-8", "surrogateescape"), "beat holds a lock")
        for path, text in self.celery.beat_scripts.items():
            self.plan.read(path)
            changed = SCHEDULER.sub(_locked_text, text)
            self.plan.write(path, changed.encode("utf-8", "surrogateescape"), "beat holds a lock")


def _locked(match: re.Match[str]) -> str:
    is_database = "django" in match["name"]
    return match["option"] + (settings_block.LOCKED_DATABASE if is_database else settings_block.LOCKED)


def _locked_text(match: re.Match[str]) -> str:
    is_database = "django" in match["name"]
    return match["quote"] + (settings_block.LOCKED_DATABASE if is_database else settings_block.LOCKED) + match["quote"]


def _may_start_processes(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name.endswith((".yml", ".yaml", ".sh", ".service", ".conf", ".toml")) or name.startswith(
        ("Procfile", "Dockerfile")
    )


def _patterns(source: PythonSource) -> ast.List:
    """Return the first list display in `urlpatterns`. Raise NotEditable if there is none."""
    for node in source.tree.body:
        for name, value in _targets(node):
            if name == "urlpatterns" and (display := next(_displays(value), None)) is not None:
                return display
    raise NotEditable("urlpatterns is not written as a list")


def _targets(node: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Assign):
        yield from ((target.id, node.value) for target in node.targets if isinstance(target, ast.Name))
    elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add) and isinstance(node.target, ast.Name):
        yield node.target.id, node.value  # for example behind i18n_patterns()
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
        yield node.target.id, node.value


def _displays(value: ast.expr) -> Iterator[ast.List]:
    if isinstance(value, ast.List):
        yield value
    elif isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        yield from _displays(value.left)
        yield from _displays(value.right)
