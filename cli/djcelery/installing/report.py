"""Say what `init` has found and where, what stands in the way, what will be added, and how to go back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from djcelery.plan import Plan
from djcelery.project.conflicts import Conflict
from djcelery.project.installation import Installation
from djcelery.project.setting_places import Setting
from djcelery.wording import counted

MAX_SHOWN = 8


def facts(installation: Installation) -> dict[str, tuple[str, str]]:
    """Return what was found by its name: the value, and the place that says it."""
    celery, settings = installation.celery, installation.settings
    point = installation.entry_points[0]
    apps, place = installation.installed_apps, next(iter(installation.places("INSTALLED_APPS")), None)
    rows = {"settings": (installation.settings_name, _at(point.path, point.line))}
    if apps is not None:
        count = counted(len(apps.names), "app") + ("" if apps.complete else " or more")
        rows["INSTALLED_APPS"] = (count, _at(place.module.path, place.value.line) if place else "")
    if not settings.databases and (unread := next(iter(reversed(settings.assigns("DATABASES"))), None)):
        rows["databases"] = ("worked out by code", _at(unread[0].path, unread[1].line))
    for database in settings.databases:
        engine = database.engine or "from the environment"
        rows[f"database {database.alias}"] = (engine, _at(database.path, database.line))
    if celery.app is None:
        rows["Celery app"] = ("none", "")
    else:
        name = f"named {celery.name}" if celery.name else "without a name"
        kind = "made by a function" if celery.is_made_by_function else name
        rows["Celery app"] = (f"{celery.app.variable}, {kind}", _at(celery.app.module.path, celery.app.call.line))
        rows["settings of Celery"] = (_namespace(installation), "")
        broker = next(iter(celery.settings_of("broker_url")), None)
        transports = ", ".join(sorted(installation.project.brokers)) or "from the environment"
        rows["broker"] = (transports, _at(broker.module.path, broker.line) if broker else "")
        for queue in celery.queues:
            rows[f"queue {queue.name}"] = (
                "Celery's default" if not queue.line else "used",
                _at(queue.path, queue.line),
            )
        routes = installation.project.routes
        rows["routes"] = ("not a table" if routes is None else str(len(routes)), "")
        rows["schedule"] = _schedule(installation)
        rows["tasks"] = (str(len(installation.project.own_tasks)), "")
    if (file := installation.dependencies) is not None:
        rows["dependencies"] = (file.kind + (f", locked by: {file.lock}" if file.lock else ""), file.path)
    return rows


def as_lines(installation: Installation, conflicts: Iterable[Conflict], *, with_jobs: bool) -> Iterator[str]:
    """Yield the lines of the report that stands above the plan."""
    yield "Found:"
    for name, (value, place) in facts(installation).items():
        yield f"  {name}: {value}" + (f"  ({place})" if place else "")
    for conflict in conflicts:
        kind = "Obstacle" if conflict.is_blocking else "Note"
        yield f"{kind}: {conflict.text}  ({_at(conflict.path, conflict.line)})"
        yield f"  {conflict.way_out}"
    if with_jobs:
        yield from sceptic(installation)


def sceptic(installation: Installation) -> Iterator[str]:
    """Yield what somebody asks who is careful: what is added to the running system, and how to go back."""
    yield "This adds to the running system: the tables djcelery_jobs_*, which `manage.py migrate` creates, a lock for"
    yield "beat in one of them, and heartbeats of workers. No existing table, queue, task or message changes."
    yield "To go back: `manage.py migrate djcelery_jobs zero`, then `djcelery init --undo`."


def files_of(plan: Plan) -> list[str]:
    """Return the paths that a plan changes; of a folder that is added as a whole, the folder with a count."""
    folders = {folder: [path for path in plan.changed if path.startswith(f"{folder}/")] for folder in plan.folded}
    folded = [f"{folder}/ ({counted(len(paths), 'file')})" for folder, paths in folders.items() if paths]
    single = [path for path in plan.changed if not any(path in paths for paths in folders.values())]
    return [*single, *folded]


def next_steps(installation: Installation) -> str:
    """Return what to run after the changes were made."""
    file = installation.dependencies
    lock = f"{file.lock}; " if file is not None and file.lock else ""
    folder = installation.manage.rpartition("/")[0]
    manage = f"python {folder}/manage.py" if folder else "python manage.py"
    return f"Next: {lock}install the requirements; {manage} migrate; {manage} check; restart workers and beat."


def as_data(installation: Installation, conflicts: Iterable[Conflict]) -> dict[str, Any]:
    """Return the facts and the conflicts for a program."""
    return {
        "facts": {name: {"value": value, "place": place} for name, (value, place) in facts(installation).items()},
        "conflicts": [
            {"name": c.name, "path": c.path, "line": c.line, "text": c.text, "way_out": c.way_out,
             "blocking": c.is_blocking}
            for c in conflicts
        ],
    }  # fmt: skip


def _schedule(installation: Installation) -> tuple[str, str]:
    """Return how many entries the schedule has, and who keeps it; entries that code makes are not counted."""
    celery, count = installation.celery, len(installation.project.schedule)
    made = [s for s in celery.settings_of("beat_schedule") if s.operator == "=" and not _is_display(installation, s)]
    entries = counted(count, "entry", "entries")
    if made:
        entries = f"{entries} and those that code makes" if count else "made by code"
    place = _at(made[0].module.path, made[0].line) if made else ""
    return f"{entries}, {celery.scheduler or 'in the settings'}", place


def _is_display(installation: Installation, setting: Setting) -> bool:
    return installation.project.resolve(setting.module, setting.value).kind == "dict"


def _namespace(installation: Installation) -> str:
    namespace = installation.celery.app.namespace if installation.celery.app else None
    if namespace is None:
        return "on the app itself"
    return f"Django's, {namespace}_*" if namespace else "Django's, without a namespace"


def _at(path: str, line: int) -> str:
    return f"{path}:{line}" if line else path
