"""Find what stands in the way of background jobs in an existing project, each with a way out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from djcelery.project.dependency_files import DependencyFile, Requirement
from djcelery.project.installation import Installation

# The oldest versions that the library runs on.
OLDEST = {"django": (5, 2), "celery": (5, 7), "python": (3, 11)}
NEWEST = {"django": (6, 1), "celery": (5, 7)}
OTHER_QUEUES = {
    "django_rq": "RQ",
    "rq": "RQ",
    "huey.contrib.djhuey": "Huey",
    "django_q": "django-q2",
    "dramatiq": "Dramatiq",
    "django_dramatiq": "Dramatiq",
    "procrastinate.contrib.django": "Procrastinate",
    "background_task": "django-background-tasks",
    "django_tasks": "django-tasks",
    "django_tasks_db": "django-tasks",
    "django_celery_outbox": "django-celery-outbox",
}
OUR_COMMANDS = ("jobs", "worker", "dev")
NO_TRANSACTIONS = ("mongo", "djongo", "clickhouse", "dummy", "elasticsearch")
UNTESTED = ("mysql", "oracle", "mssql", "sql_server", "cockroach")
OUR_SCHEDULERS = ("djcelery_jobs:LockedScheduler", "djcelery_jobs:LockedDatabaseScheduler")
BEAT_SCHEDULERS = ("django_celery_beat", "celery.beat")  # beginnings of those that ours replaces
PICKLE = frozenset({"pickle", "application/x-python-serialize"})  # anyone can write it; others may be signed
UNSUPPORTED_BROKERS = {"sqs", "kafka", "gcpubsub", "azureservicebus", "filesystem", "django", "sqlalchemy", "mongodb"}


@dataclass(frozen=True, slots=True)
class Conflict:
    """Describe one obstacle. A blocking one must be removed before `--jobs`; of any other one must know."""

    name: str
    path: str
    line: int
    text: str
    way_out: str
    is_blocking: bool = False


def find_conflicts(installation: Installation) -> list[Conflict]:
    """Return every conflict, the blocking ones first."""
    conflicts = [conflict for rule in RULES for conflict in rule(installation)]
    return sorted(conflicts, key=lambda conflict: not conflict.is_blocking)


def _old_versions(installation: Installation) -> Iterator[Conflict]:
    """Compare the pinned Django and Celery, and the lowest Python, with what the library needs."""
    file = installation.dependencies
    for package in ("django", "celery"):
        requirement = file.of(package) if file else None
        pinned = _pinned(file, requirement, package, installation)
        oldest, newest = OLDEST[package], NEWEST[package]
        if pinned is None or oldest <= pinned[: len(oldest)] <= newest:
            continue
        needed = _dotted(oldest) if oldest == newest else f"{_dotted(oldest)} to {_dotted(newest)}"
        yield Conflict(
            f"old-{package}", file.path if file else "", 0,
            f"The project requires {package.capitalize()} {requirement.spec if requirement else ''}, and the library "
            f"needs {needed}.",
            f"Move to {package.capitalize()} {_dotted(oldest)} first. `djcelery init --check` works meanwhile.",
            is_blocking=True,
        )  # fmt: skip
    if (python := installation.newest_python) is not None and python < OLDEST["python"]:
        yield Conflict(
            "old-python", installation.python_file, 0,
            f"The project runs on Python {_dotted(python)}, and the library needs {_dotted(OLDEST['python'])}.",
            "Move to a newer Python first. `djcelery init --check` works meanwhile.", is_blocking=True,
        )  # fmt: skip


def _pinned(
    file: DependencyFile | None, requirement: Requirement | None, package: str, installation: Installation
) -> tuple[int, ...] | None:
    """Return the version that the project is held at; None where nothing holds it below what the library needs."""
    spec = requirement.spec if requirement else ""
    if match := re.match(r"={2,3}\s*([\d.]+)", spec):
        return _numbers(match[1])
    if match := re.match(r"(?:~=|\^|~)\s*([\d.]+)", spec):
        parts = _numbers(match[1])
        is_open = spec.startswith("^") or (spec.startswith("~=") and len(parts) == 2)  # only the first number is held
        return None if is_open and parts[0] == OLDEST[package][0] else parts[:2]
    if match := re.search(r"(<=?)\s*([\d.]+)", spec):
        limit = _numbers(match[2])
        allowed = limit > OLDEST[package] if match[1] == "<" else limit >= OLDEST[package]
        return None if allowed else _below(limit)
    if file is None or file.lock or not requirement:
        return None
    return None


def _below(limit: tuple[int, ...]) -> tuple[int, ...]:
    *first, last = (*limit, 0)[:2]
    return (first[0] - 1, 9) if last == 0 else (*first, last - 1)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part)


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _pickle(installation: Installation) -> Iterator[Conflict]:
    """Find messages that are pickled, by Celery's serializer or by one of the project."""
    setup = installation.celery
    for setting in [*setup.settings_of("task_serializer"), *setup.settings_of("accept_content")]:
        texts = setup.project.resolve(setting.module, setting.value).texts()
        own = next((text for text in texts if "pickle" in text), "")
        if not own:
            continue
        is_open = any(text in PICKLE for text in texts)
        danger = ", and whoever can write to the broker can run code in your workers: move to JSON" if is_open else ""
        yield Conflict(
            "pickle", setting.module.path, setting.line,
            "Messages are pickled." if is_open else f"Messages are written by the serializer {own}.",
            f"Existing tasks keep it. The arguments of durable tasks must be JSON{danger}.",
        )  # fmt: skip
        return


def _eager(installation: Installation) -> Iterator[Conflict]:
    """Find tasks that run inline outside of tests: always, in a branch, or unless the environment says otherwise."""
    setup = installation.celery
    for setting in setup.settings_of("task_always_eager"):
        value = setup.project.resolve(setting.module, setting.value)
        is_default = value.kind == "call" and any(
            part.const is True for part in (*value.items[1:], value.keywords.get("default")) if part is not None
        )
        if value.const is not True and not is_default:
            continue
        where = ", unless the environment says otherwise" if is_default else ", also on a server"
        if value.const is True and setting.conditional:
            where = " where a condition holds"
        yield Conflict(
            "always-eager", setting.module.path, setting.line, f"Tasks run inline{where}.",
            f"See that {setting.name} is set only in tests and on developers' machines, and start a worker elsewhere."
            if is_default or setting.conditional
            else f"Set {setting.name} only in the settings of tests, and start a worker.",
        )  # fmt: skip


def _settings_of_tests(installation: Installation) -> Iterator[Conflict]:
    """Find a project whose settings only the configuration of its tests names."""
    point = installation.entry_points[0]
    if point.purpose == "tests":
        yield Conflict(
            "settings-of-tests", point.path, point.line, "Only the configuration of the tests names a settings module.",
            "Compare the plan with the settings of servers, or pass them with --settings.",
        )  # fmt: skip


def _no_admin(installation: Installation) -> Iterator[Conflict]:
    """Find a project without Django's admin, which the jobs page is a part of."""
    apps = installation.installed_apps
    if apps is not None and apps.names and not any("admin" in name.lower() for name in apps.names):
        place = next(iter(installation.places("INSTALLED_APPS")), None)
        yield Conflict(
            "no-admin", place.module.path if place else "", place.value.line if place else 0,
            "INSTALLED_APPS does not name Django's admin, and the jobs page is a part of it.",
            "Use `manage.py jobs` instead, or add django.contrib.admin.",
        )  # fmt: skip


def _second_app(installation: Installation) -> Iterator[Conflict]:
    """Find more Celery apps than one."""
    setup = installation.celery
    for app in setup.apps:
        if setup.app is not None and app is not setup.app:
            used = f"{setup.app.module.path}:{setup.app.call.line}"
            yield Conflict(
                "second-app", app.module.path, app.call.line, "There is a second Celery app.",
                f"The jobs use the one in {used}. Durable tasks of the other one need that one imported in Django.",
            )  # fmt: skip


def _taken_names(installation: Installation) -> Iterator[Conflict]:
    """Find commands, settings and folders of the project that have the names of ours."""
    for path in sorted(installation.project.paths):
        match = re.search(r"(?:^|/)management/commands/(\w+)\.py$", path)
        if match and match[1] in OUR_COMMANDS and "djcelery_jobs/" not in path:
            yield Conflict(
                "command-name", path, 1, f"`manage.py {match[1]}` is a command of the project.",
                "Yours stays in force. Run workers with `celery worker -Q QUEUE` as today, or rename yours.",
            )  # fmt: skip
    for name in ("WORKLOADS", "ROUTES", "DJCELERY_JOBS"):
        if (value := installation.settings.value(name)) is not None and not installation.is_installed:
            yield Conflict(
                "setting-name", value[0].path, value[1].line, f"The project has a setting {name} of its own.",
                "Rename it first: the library reads this name.", is_blocking=True,
            )  # fmt: skip
    for path in sorted(installation.project.paths):
        if path.endswith("djcelery_jobs/__init__.py") and not installation.is_installed:
            yield Conflict("folder", path, 1, "There is a folder djcelery_jobs already.",
                           "Remove it, or add it to INSTALLED_APPS.", is_blocking=True)  # fmt: skip


def _databases(installation: Installation) -> Iterator[Conflict]:
    """Find databases that cannot hold the row of a job in the transaction that it belongs to."""
    databases = installation.settings.databases
    for database in databases:
        if database.alias != "default" or not database.engine:
            continue
        if any(word in database.engine.lower() for word in NO_TRANSACTIONS):
            yield Conflict(
                "no-transactions", database.path, database.line, f"{database.engine} has no transactions.",
                "A durable job needs a row in the same transaction as its cause. Use PostgreSQL.", is_blocking=True,
            )  # fmt: skip
        elif any(word in database.engine.lower() for word in UNTESTED):
            yield Conflict(
                "untested-database", database.path, database.line, f"The library is not tested with {database.engine}.",
                "It is tested with PostgreSQL and SQLite. Try it outside of production first.",
            )  # fmt: skip
    routers = installation.settings.value("DATABASE_ROUTERS")
    if routers is not None and (routers[1].items or routers[1].kind not in {"list", "tuple"}) and len(databases) > 1:
        others = ", ".join(database.alias for database in databases)
        yield Conflict(
            "router", routers[0].path, routers[1].line, f"A router chooses between the databases {others}.",
            "All rows of jobs go where it sends a write of djcelery_jobs, usually to `default`. Only what is written "
            "there shares a transaction with its jobs.",
        )  # fmt: skip


def _unseen_settings(installation: Installation) -> Iterator[Conflict]:
    """Find settings that come from outside of the project, which may be Celery's."""
    for module, source in installation.settings.unseen[:1]:
        origin = "a file that is run" if source in {"exec", "execfile"} else source
        yield Conflict(
            "unseen-settings", module.path, 0, f"Some settings come from {origin}, which is out of sight.",
            "Compare what it sets for Celery with the plan.",
        )  # fmt: skip


def _broker(installation: Installation) -> Iterator[Conflict]:
    """Find a broker for which durable jobs are not supported."""
    setup = installation.celery
    unsupported = installation.project.brokers & UNSUPPORTED_BROKERS
    if unsupported and not installation.project.brokers - UNSUPPORTED_BROKERS:
        name = sorted(unsupported)[0]
        place = next(iter(setup.settings_of("broker_url")), None)
        yield Conflict(
            "broker", place.module.path if place else "", place.line if place else 0, f"The broker is {name}://.",
            "Durable jobs are supported on Redis and RabbitMQ.", is_blocking=True,
        )  # fmt: skip


def _scheduler(installation: Installation) -> Iterator[Conflict]:
    """Find a scheduler that ours cannot replace: the relay of durable jobs runs in beat."""
    name = installation.celery.scheduler
    if name and name not in OUR_SCHEDULERS and not name.startswith(BEAT_SCHEDULERS):
        place = next(iter(installation.celery.settings_of("beat_scheduler")), None)
        yield Conflict(
            "scheduler", place.module.path if place else "", place.line if place else 0,
            f"Beat runs {name}, and durable jobs need the scheduler of the library, which publishes them.",
            "Move to CELERY_BEAT_SCHEDULE or django-celery-beat first.", is_blocking=True,
        )  # fmt: skip


def _other_queues(installation: Installation) -> Iterator[Conflict]:
    """Find another job queue beside Celery."""
    apps = set(installation.installed_apps.names) if installation.installed_apps else set()
    backends = {text for setting in installation.project.settings_of("TASKS") for text in setting.value.texts()}
    named = {OTHER_QUEUES[app.partition(".apps.")[0]] for app in apps if app.partition(".apps.")[0] in OTHER_QUEUES}
    file = installation.dependencies
    named |= {OTHER_QUEUES[name] for name in ("rq", "dramatiq") if file and file.of(name)}
    if backends or installation.settings.value("TASKS") is not None:
        named.add("django.tasks")
    for name in sorted(named):
        yield Conflict(
            "other-queue", file.path if file else "", 0, f"{name} runs jobs here, too.",
            "It goes on as it is: nothing of it is moved to Celery.",
        )  # fmt: skip


Rule = Callable[[Installation], Iterator[Conflict]]
RULES: list[Rule] = [
    _old_versions,
    _taken_names,
    _databases,
    _unseen_settings,
    _settings_of_tests,
    _no_admin,
    _broker,
    _scheduler,
    _pickle,
    _eager,
    _second_app,
    _other_queues,
]
