"""Answer what rules ask about a Django + Celery code base."""

from __future__ import annotations

from collections.abc import Iterable

from djcelery.project.apps import App, Apps
from djcelery.project.base_classes import BaseClasses
from djcelery.project.dispatch_sites import DispatchSites, Site
from djcelery.project.facts import Block, Call, Function, Module, Value
from djcelery.project.files import Tree, is_promising
from djcelery.project.infrastructure import Infrastructure
from djcelery.project.layout import Layout
from djcelery.project.lookup import Lookup
from djcelery.project.names import Definition, Names
from djcelery.project.package_versions import lowest_version
from djcelery.project.processes import Process, Scaling
from djcelery.project.reader import read
from djcelery.project.reading_by_name import modules_found_by_name
from djcelery.project.roles import Roles
from djcelery.project.routes import Route, Routes, Workload
from djcelery.project.running import Running
from djcelery.project.schedule import Entry, Schedule
from djcelery.project.setting_places import Setting
from djcelery.project.settings import Settings, with_starred_settings
from djcelery.project.task_decorators import TaskDecorators
from djcelery.project.tasks import Task, Tasks
from djcelery.project.text_search import TextSearch
from djcelery.project.transactions import Transactions


class Project:
    """Give rules one face for the facts of a code base; each fact is worked out when it is first asked for."""

    def __init__(self, tree: Tree, modules: Iterable[Module], running: Running | None = None) -> None:
        self.tree = tree
        self.running = running  # what the running app says, if it was asked
        read_modules = list(modules)
        read_modules += modules_found_by_name(tree, read_modules)
        read_modules.sort(key=lambda module: module.path)
        self._lookup = Lookup(tree, read_modules)
        self.modules = with_starred_settings(read_modules, self._lookup)
        self._apps = Apps(self.modules, self._lookup)
        self._settings = Settings(self.modules, self._lookup, self._apps, running)
        bases, decorators = BaseClasses(self._lookup, self._apps), TaskDecorators(self._lookup, self._apps)
        self._tasks = Tasks(self.modules, self._lookup, bases, decorators, self._settings.task_backends)
        self._transactions, self._roles = Transactions(self._lookup), Roles(self._lookup)
        self._sites = DispatchSites(
            self.modules, self._lookup, self._apps, self._tasks, self._transactions, self._roles
        )
        self._schedule = Schedule(self.modules, self._lookup, self._settings, self._tasks)
        self._routes = Routes(self._lookup, self._settings, self._tasks)
        self._text = TextSearch(tree, self.modules, self._lookup, self._apps, self._tasks)
        self._infrastructure = Infrastructure(tree)
        self._versions: dict[str, tuple[int, ...] | None] = {}

    @classmethod
    def of(cls, texts: dict[str, str | bytes], running: Running | None = None) -> Project:
        """Return a project made of texts in memory."""
        tree = Tree(texts=texts)
        tree.scan()
        layout = tree.layout
        modules = [
            read(path, layout.name(path), data, layout.is_package(path))
            for path, data in tree.python_files()
            if is_promising(path, data)
        ]
        return cls(tree, modules, running)

    # -- modules and names

    @property
    def layout(self) -> Layout:
        """Return which dotted name each path has."""
        return self.tree.layout

    @property
    def paths(self) -> set[str]:
        """Return the path of every file."""
        return self.layout.paths

    @property
    def names(self) -> Names:
        """Return the index of definitions."""
        return self._lookup.names

    @property
    def extra_modules(self) -> list[Module]:
        """Return the modules that were read only because a name led there."""
        return self._lookup.extra_modules

    @property
    def has_unreadable_modules(self) -> bool:
        """Return whether a file could not be read, so that something missing may only be out of sight."""
        return any(module.read_error for module in self.modules)

    def find(self, module: Module, path: str) -> Definition | None:
        """Find the definition behind a dotted path that is written in a module."""
        return self._lookup.find(module, path)

    def is_bound(self, module: Module, name: str) -> bool:
        """Return whether a name without dots may be defined in a module, or imported there."""
        return self._lookup.is_bound(module, name)

    def whole(self, module: Module) -> Module:
        """Return a module with every body read, also those that no rule asks for at first."""
        return self._lookup.whole(module)

    def resolve(self, module: Module, value: Value) -> Value:
        """Return the value that a name is bound to, here or in another module; any other value as it is."""
        return self._lookup.resolve(module, value)

    def number(self, module: Module, value: Value | None) -> float | None:
        """Return a constant number, also one that a name is bound to."""
        return self._lookup.number(module, value)

    def text(self, module: Module, value: Value | None) -> str | None:
        """Return a constant text, also one that a name is bound to."""
        return self._lookup.text(module, value)

    def inherits_from(self, module: Module, base: str, endings: tuple[str, ...]) -> bool:
        """Return whether a base class is, or inherits from, a class whose path ends with one of `endings`."""
        return self._lookup.inherits_from(module, base, endings)

    def is_first_party(self, dotted_path: str) -> bool:
        """Return whether the first part of a dotted path is a package of this code base."""
        return self.layout.is_first_party(dotted_path)

    # -- apps and settings

    @property
    def apps(self) -> list[App]:
        """Return every Celery app."""
        return self._apps.all

    @property
    def own_apps(self) -> list[App]:
        """Return the apps outside tests and test settings."""
        return self._apps.own

    @property
    def task_classes(self) -> list[tuple[Module, str]]:
        """Return the task classes that the apps name, each with the module that names it."""
        return self._apps.task_classes

    @property
    def namespaces(self) -> set[str]:
        """Return the prefixes under which Django's settings reach Celery."""
        return self._apps.namespaces

    @property
    def settings(self) -> list[Setting]:
        """Return every place that sets a setting."""
        return self._settings.all

    def settings_of(self, key: str, testing: bool = False) -> list[Setting]:
        """Return the places that set one key; with `testing`, those of test settings too."""
        return self._settings.of(key, testing)

    def is_set(self, key: str) -> bool:
        """Return whether a key is set anywhere outside tests."""
        return self._settings.is_set(key)

    def is_on(self, key: str) -> bool:
        """Return whether a key is the constant True somewhere outside tests."""
        return self._settings.is_on(key)

    @property
    def has_complete_settings(self) -> bool:
        """Return whether the Celery app and its settings are here, so that a setting not seen is not set."""
        return self._settings.are_complete

    @property
    def brokers(self) -> set[str]:
        """Return the transports that the broker URLs name; an empty set where they cannot be seen."""
        return self._settings.brokers

    @property
    def uses_redis(self) -> bool:
        """Return whether the broker is Redis or one of its kin, and nothing else."""
        return self._settings.uses_redis

    @property
    def installed_apps(self) -> set[str]:
        """Return the apps that INSTALLED_APPS names anywhere."""
        return self._settings.installed_apps

    def lowest_version(self, package: str) -> tuple[int, ...] | None:
        """Return the lowest version of a package that the files allow, or the running one; None where none says."""
        if package == "celery" and self.running is not None and self.running.celery_version:
            return self.running.celery_version
        if package not in self._versions:
            self._versions[package] = lowest_version(self.tree, package)
        return self._versions[package]

    # -- tasks

    @property
    def tasks(self) -> list[Task]:
        """Return every task."""
        return self._tasks.all

    @property
    def own_tasks(self) -> list[Task]:
        """Return Celery's tasks outside tests."""
        return self._tasks.own

    @property
    def own_tasks_of_any_kind(self) -> list[Task]:
        """Return the tasks outside tests, Celery's and those of Django's own API."""
        return self._tasks.of_any_kind

    @property
    def tasks_by_name(self) -> dict[str, Task]:
        """Return the tasks by the name that Celery registers."""
        return self._tasks.by_name

    @property
    def calls_in_tasks(self) -> list[tuple[Module, Call, Task]]:
        """Return every call in the body of a task, outside tests."""
        return self._tasks.calls_inside

    def task_at(self, module: Module, path: str) -> Task | None:
        """Return the task that a dotted path means."""
        return self._tasks.at(module, path)

    def task_around(self, module: Module, block: int) -> Task | None:
        """Return the task in whose body a line stands."""
        return self._tasks.around(module, block)

    @property
    def sites(self) -> list[Site]:
        """Return every place outside tests that sends a task or makes a signature."""
        return self._sites.own

    def transaction_around(self, module: Module, block: int) -> Block | Value | None:
        """Return the `with` or the decorator that puts a line into a transaction."""
        return self._transactions.around(module, block)

    def database_of(self, module: Module, transaction: Block | Value) -> str | None:
        """Return the alias of the database that a transaction is open on; None where it cannot be seen."""
        return self._transactions.alias(module, transaction)

    def is_view(self, module: Module, function: Function) -> bool:
        """Return whether a function answers HTTP requests."""
        return self._roles.is_view(module, function)

    def is_saving(self, module: Module, function: Function) -> bool:
        """Return whether a function is the save or delete of a model, form, serializer or admin."""
        return self._roles.is_saving(module, function)

    # -- the schedule, routes and processes

    @property
    def schedule(self) -> list[Entry]:
        """Return every entry of the beat schedule that can be seen."""
        return self._schedule.entries

    @property
    def routes(self) -> list[Route] | None:
        """Return the lines of task_routes; None where they cannot all be seen."""
        return self._routes.all

    @property
    def workloads(self) -> list[Workload]:
        """Return the workload classes of djcelery-jobs; none where they are not used or cannot all be seen."""
        return self._routes.workloads

    @property
    def declared_queues(self) -> set[str] | None:
        """Return the queues of task_queues; None where it is not set or cannot be seen."""
        return self._routes.declared_queues

    def matches_any_task(self, pattern: str) -> bool:
        """Return whether the pattern of a route matches a task."""
        return self._routes.matches_any_task(pattern)

    @property
    def processes(self) -> list[Process]:
        """Return every worker and beat that infrastructure files start."""
        return self._infrastructure.processes

    @property
    def workers(self) -> list[Process]:
        """Return the workers among the processes."""
        return self._infrastructure.workers

    @property
    def script_workers(self) -> list[Process]:
        """Return the workers that scripts, Dockerfiles and supervisor start; how many of each run is not known."""
        return self._infrastructure.script_workers

    @property
    def scalings(self) -> list[Scaling]:
        """Return every autoscaler of Kubernetes that can be seen."""
        return self._infrastructure.scalings

    # -- the text of every file

    def imports_anywhere(self, module: Module) -> bool:
        """Return whether any file of the tree imports a module."""
        return self._text.imports_anywhere(module)

    def uses_setting(self, name: str) -> bool:
        """Return whether any line of the tree reads a setting, or passes its name."""
        return self._text.uses_setting(name)

    def mentions(self, words: tuple[bytes, ...], tests: bool = False) -> bool:
        """Return whether any Python file contains one of the words; with `tests`, any file of the tests."""
        return self._text.mentions(words, tests)
