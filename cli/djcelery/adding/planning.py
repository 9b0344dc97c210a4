"""Make the plans of `add` and `remove`: names are checked first, then fragments inserted or deleted."""

from __future__ import annotations

from pathlib import Path

from djcelery.adding import apps, queues, tasks
from djcelery.adding.fragments import Fragment, NewFile, delete_all, insert_all
from djcelery.adding.places import Places
from djcelery.adding.schedules import Timing, entry_of, schedule_item
from djcelery.errors import CommandError, UsageError, did_you_mean
from djcelery.plan import Plan


def add_task(root: Path, text: str, queue: str | None, *, plain: bool, timing: Timing | None) -> Plan:
    """Plan to add a task. Raise UsageError for a name or queue that does not fit."""
    places = Places(root)
    classes = places.classes()
    name = tasks.parse_name(places, text)
    if queue is None:
        raise UsageError("Missing option --queue.", did_you_mean("", classes))
    refuse_unknown_queue(queue, classes)
    existing = name.full in places.tasks()
    spec = tasks.TaskSpec(name, queue, plain, timing, has_row=timing is None)
    tasks.refuse_other_task(places, spec)
    if timing and (entry := entry_of(places, name.entry)) and (entry.task, entry.timing) != (name.full, timing):
        raise CommandError(f"The schedule has another entry {name.entry} already.", "Change it in the settings.")
    fragments = tasks.task_fragments(places, spec)
    if existing:  # the test may have been written anew, elsewhere
        fragments = [fragment for fragment in fragments if not fragment.path.startswith(places.tests_folder(name.app))]
    return _plan(places, fragments)


def remove_task(root: Path, text: str) -> tuple[Plan, str]:
    """Plan to remove a task; with a hint where there is none of this name. Raise CommandError if it was edited."""
    places = Places(root)
    name = tasks.TaskName(*_split(text))
    known = places.tasks()
    if name.full not in known:
        short = [task.replace(".tasks.", ".") for task in known if not task.startswith("djcelery_jobs.")]
        return Plan(root), _no_such("task", f"{name.app}.{name.function}", short)
    spec = tasks.existing_spec(places, name)
    others = [entry for entry in tasks.entries_of(places, name) if entry != name.entry]
    if others:
        raise CommandError(f"The schedule's entry {others[0]} runs {name.full}.",
                           f"Remove it first: djcelery remove schedule {others[0]}")  # fmt: skip
    if (entry := entry_of(places, name.entry)) and entry.task == name.full and entry.timing is None:
        raise CommandError(f"The schedule's entry {name.entry} was edited after it was added.",
                           "Remove the entry from the settings first.")  # fmt: skip
    plan = Plan(root)
    delete_all(plan, tasks.task_fragments(places, spec), f"The task {name.full}")
    return plan, ""


def add_queue(root: Path, spec: queues.QueueSpec) -> Plan:
    """Plan to add a workload class."""
    places = Places(root)
    places.classes()
    queues.refuse_other_queue(places, spec)
    return _plan(places, queues.queue_fragments(places, spec))


def remove_queue(root: Path, name: str) -> tuple[Plan, str]:
    """Plan to remove a workload class. Raise CommandError if a task uses it, or it was edited."""
    places = Places(root)
    classes = places.classes()
    if name not in classes:
        return Plan(root), _no_such("queue", name, classes)
    if used := queues.uses(places, name):
        hint = "Route them to another queue first, or remove them."
        raise CommandError(f"These tasks use the queue {name}: {', '.join(used)}", hint)
    if name == places.default_queue:
        hint = "Name another one in CELERY_TASK_DEFAULT_QUEUE first."
        raise CommandError(f"{name} is the queue of tasks without a route.", hint)
    if len(classes) == 1:
        raise CommandError(f"{name} is the only queue of this project.", "Add another one first.")
    plan = Plan(root)
    delete_all(plan, queues.queue_fragments(places, queues.existing_spec(places, name)), f"The queue {name}")
    return plan, ""


def add_schedule(root: Path, name: str, task: str, timing: Timing) -> Plan:
    """Plan to add an entry to the schedule. Raise UsageError if there is no such task."""
    places = Places(root)
    if not name or not name.isprintable() or any(letter in name for letter in "\"'\\"):
        raise UsageError(f'"{name}" is not a name for an entry.', "Use letters, digits and hyphens.")
    full = _task_name(places, task)
    entry = entry_of(places, name)
    if entry and (entry.task, entry.timing) != (full, timing):
        raise CommandError(f"The schedule has another entry {name} already.", "Choose another name.")
    if full.count(".tasks.") == 1 and not full.startswith("djcelery_jobs."):
        app, function = full.split(".tasks.")
        tasks.refuse_other_task(
            places, tasks.TaskSpec(tasks.TaskName(app, function), places.tasks()[full], timing=timing)
        )
    return _plan(places, [schedule_item(places, name, full, timing)])


def remove_schedule(root: Path, name: str) -> tuple[Plan, str]:
    """Plan to remove an entry of the schedule. Raise CommandError if it was edited."""
    places = Places(root)
    entry = entry_of(places, name)
    if entry is None:
        return Plan(root), _no_such("entry", name, places.keys(places.schedule))
    plan = Plan(root)
    if entry.timing is None:
        raise CommandError(f"The entry {name} was edited after it was added, so it is not removed.",
                           "Remove it from the settings by hand.")  # fmt: skip
    delete_all(plan, [schedule_item(places, name, entry.task, entry.timing)], f"The entry {name}")
    return plan, ""


def add_app(root: Path, app: str) -> Plan:
    """Plan to add an app."""
    places = Places(root)
    apps.refuse_name(places, app)
    if app in places.apps:
        return Plan(root)
    return _plan(places, apps.app_fragments(places, app))


def remove_app(root: Path, app: str) -> tuple[Plan, str]:
    """Plan to remove an app. Raise CommandError if it holds tasks or files of the team, or was edited."""
    places = Places(root)
    if app not in places.apps:
        return Plan(root), _no_such("app", app, places.apps)
    fragments = apps.app_fragments(places, app)
    apps.refuse_used(places, app, fragments)
    plan = Plan(root)
    delete_all(plan, fragments, f"The app {app}")
    return plan, ""


def refuse_unknown_queue(queue: str, classes: list[str]) -> None:
    """Raise UsageError if no workload class has this name."""
    if queue not in classes:
        hint = f"{did_you_mean(queue, classes)} To create it: djcelery add queue {queue}"
        raise UsageError(f"There is no queue {queue}.", hint)


def _plan(places: Places, fragments: list[Fragment]) -> Plan:
    plan = Plan(places.root)
    for fragment in fragments:
        if isinstance(fragment, NewFile):
            fragment.newline = places.newline
    insert_all(plan, fragments)
    if not plan.changed and plan.is_whole:
        plan.snippets.clear()  # it was added before, and what is left to do by hand was said then
    return plan


def _split(text: str) -> tuple[str, str]:
    app, _, function = text.rpartition(".")
    return app.removesuffix(".tasks"), function


def _task_name(places: Places, text: str) -> str:
    """Return the full name of a task. Raise UsageError if there is none of this name."""
    known = places.tasks()
    app, function = _split(text)
    for name in (text, f"{app}.tasks.{function}"):
        if name in known:
            return name
    raise UsageError(f"There is no task {text}.", did_you_mean(text, [name.replace(".tasks.", ".") for name in known]))


def _no_such(kind: str, name: str, known: list[str]) -> str:
    hint = did_you_mean(name, known) if known else ""
    return f"There is no {kind} {name}. {hint}".strip()
