"""Write the settings of the job layer: for a project with Celery in its own words, for one without in ours."""

from __future__ import annotations

from djcelery.installing.workloads import WorkloadClass
from djcelery.project.celery_setup import CelerySetup
from djcelery.project.facts import Module, Value
from djcelery.project.installation import Installation
from djcelery.project.settings_chain import is_conditional

PRUNE = '"prune-jobs": {"task": "djcelery_jobs.tasks.prune", "schedule": 3600, "options": {"expires": 3600}}'
TITLE = "# -- Background jobs: djcelery_jobs ----------------------------------------------------------"
NEW_WORKLOADS = [WorkloadClass("fast", 4, 4, 10, 20), WorkloadClass("slow", 2, 1, 300, 330)]
NEW = """
{title}
# A workload class is a queue and the workers that consume it: `manage.py worker fast`. Limits are in seconds.
WORKLOADS = {{
{workloads}}}
# The workload class of each task. What has none here runs in the class "slow".
ROUTES = {{
    "djcelery_jobs.tasks.prune": "slow",
}}
LONGEST_DELAY = 15 * 60  # the longest countdown, eta or retry delay, in seconds

CELERY_BROKER_URL = os.environ.get("REDIS_URL", "redis://localhost:6379/0")
CELERY_BROKER_TRANSPORT_OPTIONS = {{
    # Redis gives an unacknowledged message to another worker after this time.
    "visibility_timeout": max(w.hard_limit for w in WORKLOADS.values()) + LONGEST_DELAY + 60,
    "global_keyprefix": "{prefix}:",  # other projects, and other uses, can share the Redis
    "socket_connect_timeout": 1,
    "socket_timeout": 2,
}}
CELERY_TASK_QUEUES = queues(WORKLOADS, CELERY_BROKER_URL)
CELERY_TASK_ROUTES = routes(ROUTES)
CELERY_TASK_ANNOTATIONS = task_limits(ROUTES, WORKLOADS)
CELERY_TASK_DEFAULT_QUEUE = "slow"
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SOFT_TIME_LIMIT = max(w.soft_limit for w in WORKLOADS.values())
CELERY_TASK_TIME_LIMIT = max(w.hard_limit for w in WORKLOADS.values())
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_CONSUMER = "djcelery_jobs:Consumer"
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 5
CELERY_BEAT_SCHEDULER = "djcelery_jobs:LockedScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 2
CELERY_BEAT_SCHEDULE = {{
    {prune},
}}
"""
CLASSES = """
{title}
# A workload class is a queue and the limits of its jobs. These are the queues of today. The limits, in seconds, hold
# for durable tasks and for the tasks in ROUTES; other tasks run as before. Concurrency and prefetch hold for workers
# that `manage.py worker NAME` starts. After a kill on Redis, a durable job starts again at its hard limit.
WORKLOADS = {{
{workloads}}}
"""
TABLE = """\
ROUTES = {{
    "djcelery_jobs.tasks.prune": "{default}",
}}
"""
OFFER = """
# With this line, each @task of django.tasks becomes a durable job. It needs Django 6.0, or the package django-tasks.
# TASKS = {"default": {"BACKEND": "djcelery_jobs.tasks_backend.DurableBackend"}}
"""
LOCKED, LOCKED_DATABASE = "djcelery_jobs:LockedScheduler", "djcelery_jobs:LockedDatabaseScheduler"


def new_block(installation: Installation, name: str) -> str:
    """Return the settings for a project without Celery; its keys in Redis begin with a name."""
    text = NEW.format(title=TITLE, workloads=lines_of(NEW_WORKLOADS), prune=PRUNE, prefix=name)
    return text + offer(installation)


def offer(installation: Installation) -> str:
    """Return the line that makes Django's own tasks durable, as a comment: it changes where they run."""
    return "" if installation.project.settings_of("TASKS") else OFFER


def block_of_today(installation: Installation, workloads: list[WorkloadClass], home: set[str]) -> str:
    """Return the settings for a project with a Celery app that reads Django's; `home` are the files in its scope."""
    text = classes_of_today(workloads) + table_of_routes(installation)
    return text + "".join(f"{line}\n" for line in _assignments(installation, home)) + offer(installation)


def classes_of_today(workloads: list[WorkloadClass]) -> str:
    """Return WORKLOADS."""
    return CLASSES.format(title=TITLE, workloads=lines_of(workloads))


def table_of_routes(installation: Installation) -> str:
    """Return ROUTES."""
    return TABLE.format(default=installation.celery.default_queue)


def lines_of(workloads: list[WorkloadClass]) -> str:
    """Return the lines of WORKLOADS."""
    return "".join(f"    {workload.line},\n" for workload in workloads)


def scheduler_of(celery: CelerySetup, *, has_database: bool) -> str:
    """Return our scheduler of the kind that the project uses."""
    return LOCKED_DATABASE if "DatabaseScheduler" in celery.scheduler or has_database else LOCKED


def replaces_scheduler_in_place(celery: CelerySetup) -> bool:
    """Return whether the settings name a scheduler whose name is replaced where it stands."""
    return bool(celery.text("beat_scheduler"))


def _assignments(installation: Installation, home: set[str]) -> list[str]:
    """Return the lines that set Celery's settings, each only if the project leaves it open or shares it with us."""
    celery = installation.celery
    name = celery.setting_name
    lines = [_routes(installation, home), _annotations(installation, home)]
    if not replaces_scheduler_in_place(celery):
        lines.append("# Beat holds a lock in the database and publishes durable jobs; a second beat waits.")
        lines.append(f'{name("beat_scheduler")} = "{scheduler_of(celery, has_database=False)}"')
    if not celery.settings_of("beat_max_loop_interval"):
        lines.append(f"{name('beat_max_loop_interval')} = 2")
    lines += _schedule(installation, home)
    if not celery.settings_of("worker_consumer"):
        lines.append("# This consumer keeps messages that no task can run, as dead letters.")
        lines.append(f'{name("worker_consumer")} = "djcelery_jobs:Consumer"')
    return [line for line in lines if line]


def _routes(installation: Installation, home: set[str]) -> str:
    """Return the line for the routes; the project's own come first where they are no table."""
    name = installation.celery.setting_name("task_routes")
    known = installation.settings.value(name)
    if known is None:
        unseen = f'globals().get("{name}") or {{}}'
        return f"{name} = [routes(ROUTES), {unseen}]" if installation.settings.unseen else f"{name} = routes(ROUTES)"
    if known[0].path not in home:
        return ""
    resolved = installation.project.resolve(*known)
    if resolved.kind == "dict":
        return f"{name} = {{**routes(ROUTES), **{name}}}"
    if resolved.kind in {"list", "tuple"}:
        return f"{name} = [routes(ROUTES), *{name}]"
    return f"{name} = [routes(ROUTES), {name}]"


def _annotations(installation: Installation, home: set[str]) -> str:
    """Return the line for the limits of the tasks in ROUTES; what the project says of a task itself comes first."""
    celery = installation.celery
    name, limits = celery.setting_name("task_annotations"), "task_limits(ROUTES, WORKLOADS)"
    known = installation.settings.value(name)
    if known is None:
        if celery.settings_of("task_annotations"):
            return ""
        is_unseen = installation.settings.unseen
        return f'{name} = {{**{limits}, **(globals().get("{name}") or {{}})}}' if is_unseen else f"{name} = {limits}"
    if known[0].path not in home:
        return ""
    resolved = installation.project.resolve(*known)
    if resolved.kind == "dict":
        return f"{name} = {{**{limits}, **{name}}}"
    # Celery takes the first annotation of a list that knows a task.
    return f"{name} = [*{name}, {limits}]" if resolved.kind in {"list", "tuple"} else ""


def _schedule(installation: Installation, home: set[str]) -> list[str]:
    name = installation.celery.setting_name("beat_schedule")
    if schedule_display(installation) is not None:
        return []
    known = installation.settings.value(name)
    spread = f"    **{name},\n" if known is not None and known[0].path in home else ""
    if known is None and (installation.settings.unseen or installation.has_class_settings):
        spread = f'    **(globals().get("{name}") or {{}}),\n'
    return [f"{name} = {{\n{spread}    {PRUNE},\n}}"]


def schedule_display(installation: Installation) -> tuple[Module, Value] | None:
    """Return the one dict that is the schedule in the settings, to which an entry can be added in place."""
    name = installation.celery.setting_name("beat_schedule")
    assigns = installation.settings.assigns(name)
    if len(assigns) != 1 or assigns[0][1].operator != "=":
        return None
    module, assign = assigns[0]
    if is_conditional(module, assign.block) or assign.value.kind != "dict":
        return None
    return module, assign.value
