"""Run with `manage.py check`: find what only the running app knows, from its tasks and its effective settings.

Each rule is a function that yields messages. Its docstring says what it requires and why.
"""

import inspect
import os
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from celery import Celery, current_app
from celery.app.task import Task
from celery.exceptions import QueueNotFound
from celery.utils.imports import symbol_by_name
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register
from django.utils.module_loading import autodiscover_modules

from djcelery_jobs import conf
from djcelery_jobs.beat.scheduler import SingleBeatMixin
from djcelery_jobs.brokers import options
from djcelery_jobs.brokers.workloads import Workload
from djcelery_jobs.core import outbox
from djcelery_jobs.core.dispatch_options import option_problems
from djcelery_jobs.core.republish_delays import hard_limit, limits_of
from djcelery_jobs.core.task import JobTask, is_durable
from djcelery_jobs.worker.task_modules import import_task_modules, is_backend_in_use


@register("djcelery_jobs")
def check_jobs(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Apply every rule to the app of this process. Where the declarations are wrong, report nothing but them."""
    app = current_app._get_current_object()
    messages = [message for rule in DECLARATION_RULES for message in rule(app)]
    if not messages:
        # Not Celery's own way to import the tasks: it runs Django's checks, this one among them.
        autodiscover_modules("tasks")
        import_task_modules()
        messages = [message for rule in RULES for message in rule(app)]
    return [_softened(message) for message in messages] if _is_adopted(app) else messages


def _is_adopted(app: Celery) -> bool:
    """Return whether the app was there before the job layer: its tasks are not jobs, unless one says so by its base.

    The rules then check the jobs and what durable jobs need, and leave the rest of the project alone.
    """
    return not issubclass(app.Task, JobTask)


# What stays an error in a project that had Celery before: without it, durable jobs do not work.
NEEDED_BY_DURABLE_JOBS = {f"djcelery_jobs.{number}" for number in ("E001", "E008", "E012", "E018", "E020")}


def _softened(message: CheckMessage) -> CheckMessage:
    """Return a message about the project's existing code as a warning instead of an error."""
    if message.id in NEEDED_BY_DURABLE_JOBS or not message.is_serious():
        return message
    return checks.Warning(message.msg, hint=message.hint, obj=message.obj, id=message.id)


def the_workload_classes_are_declared(app: Celery) -> Iterator[CheckMessage]:
    """Require WORKLOADS: queues, limits, worker commands and the pages follow from it."""
    workloads = getattr(settings, "WORKLOADS", None)
    hint = f"Declare at least one class in the settings: WORKLOADS = {WORKLOAD_EXAMPLE}"
    if workloads is None:
        yield Error("The setting WORKLOADS is missing.", hint=hint, id="djcelery_jobs.E020")
    elif not isinstance(workloads, Mapping) or not workloads:
        yield Error("WORKLOADS must be a dictionary with at least one class.", hint=hint, id="djcelery_jobs.E020")
    else:
        for name, workload in workloads.items():
            if not isinstance(workload, Workload):
                kind = type(workload).__name__
                yield Error(f"WORKLOADS[{name!r}] must be a Workload, got {kind}.", hint=hint, id="djcelery_jobs.E020")


WORKLOAD_EXAMPLE = '{"fast": Workload(concurrency=4, prefetch=4, soft_limit=10, hard_limit=20)}'


def the_routes_are_a_table(app: Celery) -> Iterator[CheckMessage]:
    """Require a table of routes. Celery also takes patterns and functions, whose queues nobody can read off."""
    routes = app.conf.task_routes
    if _is_adopted(app):  # its routes may be anything: only the durable tasks' queues must be known, see below
        return
    if not isinstance(routes, Mapping | None) or not all(
        isinstance(route, Mapping) and "queue" in route for route in (routes or {}).values()
    ):
        yield Error(
            "CELERY_TASK_ROUTES must give each task a queue.",
            hint='Write CELERY_TASK_ROUTES = routes({"app.tasks.name": "workload class"}).',
            id="djcelery_jobs.E021",
        )


def every_task_has_a_route(app: Celery) -> Iterator[CheckMessage]:
    """Require a route for each task: without one, it runs in the default queue, among work of another class."""
    if _is_adopted(app):
        yield from _jobs_without_a_workload_class(app)
        return
    routed = {name for name, task in _own_tasks(app).items() if hasattr(task, "function")}  # by its queue_name
    for name in sorted(_own_tasks(app).keys() - _routes(app).keys() - routed):
        yield Error(f"The task {name} has no route.", hint="Add it to CELERY_TASK_ROUTES.", id="djcelery_jobs.E001")


def _jobs_without_a_workload_class(app: Celery) -> Iterator[CheckMessage]:
    """Require a workload class for the queue of each job: its limits and the time of its next attempt come from it."""
    for name, task in sorted(_own_tasks(app).items()):
        queue = _queue_of(task)
        if queue not in settings.WORKLOADS:
            yield Error(
                f"The task {name} runs in the queue {queue or '(none)'}, which has no workload class.",
                hint=f"Add the queue to WORKLOADS, or route the task to one of: {', '.join(settings.WORKLOADS)}.",
                id="djcelery_jobs.E001",
            )


def _queue_of(task: Task) -> str:
    """Return the queue that a job of the task goes to, whether it is declared or not."""
    try:
        return outbox.queue_of(task)
    except QueueNotFound:
        return task.queue or ""


def every_route_has_a_task(app: Celery) -> Iterator[CheckMessage]:
    """Require a task for each route: a typo here would leave the task that was meant without a route."""
    for name in sorted(_routes(app).keys() - app.tasks.keys()):
        yield Error(
            f"CELERY_TASK_ROUTES has a route for the task {name}, which does not exist.",
            hint="Correct the name, or install the app that defines the task.",
            id="djcelery_jobs.E002",
        )


def every_route_leads_to_a_declared_queue(app: Celery) -> Iterator[CheckMessage]:
    """Require that routes lead to declared queues: no worker consumes any other."""
    for name, route in _routes(app).items():
        if route["queue"] not in app.amqp.queues:
            yield Error(
                f"The route of the task {name} leads to the queue {route['queue']}, which is not declared.",
                hint=f"Declare it in WORKLOADS, or use one of: {', '.join(app.amqp.queues)}.",
                id="djcelery_jobs.E003",
            )


def every_entry_names_a_task(app: Celery) -> Iterator[CheckMessage]:
    """Require an existing task in each schedule entry: beat would send any name, and workers drop unknown ones."""
    for name, entry in app.conf.beat_schedule.items():
        if entry.get("task") not in app.tasks:
            yield Error(
                f"The schedule entry {name} names the task {entry.get('task')}, which does not exist.",
                hint="Correct `task` in CELERY_BEAT_SCHEDULE.",
                id="djcelery_jobs.E004",
            )


def every_entry_has_the_right_arguments(app: Celery) -> Iterator[CheckMessage]:
    """Require arguments that the task accepts: beat does not check them, and every run would fail."""
    for name, entry in app.conf.beat_schedule.items():
        task = app.tasks.get(entry.get("task"))
        try:
            if task:
                inspect.signature(task.run).bind(*(entry.get("args") or ()), **(entry.get("kwargs") or {}))
        except TypeError as error:
            yield Error(
                f"The task {entry['task']} does not accept the arguments of the schedule entry {name}: {error}.",
                hint="Correct `args` or `kwargs` in CELERY_BEAT_SCHEDULE.",
                id="djcelery_jobs.E005",
            )


def every_entry_has_options_of_the_right_type(app: Celery) -> Iterator[CheckMessage]:
    """Require options that `apply_async` accepts: with another one, beat can never send the entry."""
    for name, entry in app.conf.beat_schedule.items():
        options = entry.get("options")
        problems = ["`options` must be a dictionary."] if not isinstance(options, dict | None) else []
        for problem in problems or option_problems(options or {}):
            yield Error(
                f"The schedule entry {name} can never be sent. {problem}",
                hint="Correct `options` in CELERY_BEAT_SCHEDULE.",
                id="djcelery_jobs.E025",
            )


def every_entry_expires(app: Celery) -> Iterator[CheckMessage]:
    """Require an expiry: otherwise all missed runs start at once when a queue that was stuck moves again."""
    for name, entry in app.conf.beat_schedule.items():
        options = entry.get("options") or {}
        if isinstance(options, dict) and not options.get("expires"):
            yield checks.Warning(
                f"The schedule entry {name} never expires.",
                hint='Add "options": {"expires": seconds}.',
                id="djcelery_jobs.W006",
            )


def every_task_has_limits(app: Celery) -> Iterator[CheckMessage]:
    """Require time limits: without one, a call that hangs blocks a worker process until somebody restarts it."""
    for name, task in _own_tasks(app).items():
        soft = task.soft_time_limit or app.conf.task_soft_time_limit
        hard = task.time_limit or app.conf.task_time_limit
        if is_durable(task):
            soft, hard = limits_of(task, _queue_of(task))
        if not all(isinstance(limit, int | float) for limit in (soft, hard)) or not 0 < soft < hard:
            yield Error(
                f"The task {name} has the time limits {soft!r} (soft) and {hard!r} (hard).",
                hint="Both must be seconds, the soft limit below the hard one. See task_limits().",
                id="djcelery_jobs.E007",
            )


def command_lines_of_your_own_hold_as_many_messages(app: Celery) -> Iterator[CheckMessage]:
    """Name what only `manage.py worker` takes from WORKLOADS: a command line of an existing project has its own."""
    if not _is_adopted(app):
        return
    own = app.conf.worker_prefetch_multiplier
    for name, workload in settings.WORKLOADS.items():
        if workload.prefetch != own:
            yield checks.Info(
                f"A worker of the class {name} holds {workload.prefetch} messages for each process if `manage.py "
                f"worker {name}` starts it, and {own} if a command line of your own does.",
                hint=f"Use `manage.py worker {name}`, or pass --prefetch-multiplier {workload.prefetch} yourself.",
                id="djcelery_jobs.I026",
            )


def the_visibility_timeout_exceeds_every_limit(app: Celery) -> Iterator[CheckMessage]:
    """Require a longer visibility timeout: after it, Redis gives a job that still runs to a second worker."""
    timeout = app.conf.broker_transport_options.get("visibility_timeout")
    if timeout is None:
        return
    for name, task in _own_tasks(app).items():
        hard = task.time_limit or app.conf.task_time_limit or 0
        if is_durable(task):
            queue = _queue_of(task)
            hard = min(limits_of(task, queue)[1], hard_limit(queue))
        longest = hard + (task.retry_backoff_max if task.retry_backoff else task.default_retry_delay)
        if longest >= timeout:
            yield Error(
                f"The task {name} may take {longest} s with its retry delay; the visibility timeout is {timeout} s.",
                hint="Raise visibility_timeout in CELERY_BROKER_TRANSPORT_OPTIONS, or lower the limits of the task.",
                id="djcelery_jobs.E008",
            )


def eager_only_in_tests(app: Celery) -> Iterator[CheckMessage]:
    """Refuse eager mode outside tests: every request would wait for its jobs, and lose them when it fails."""
    module = os.environ.get("DJANGO_SETTINGS_MODULE", "")
    if app.conf.task_always_eager and module and not TESTING.search(module):
        yield Error("CELERY_TASK_ALWAYS_EAGER is on.", hint="Set it in test settings only.", id="djcelery_jobs.E009")


# The name of a settings module for tests: project.settings.test, project.test_settings.
TESTING = re.compile(r"(^|[._])tests?($|[._])")


def only_json(app: Celery) -> Iterator[CheckMessage]:
    """Require JSON: whoever can write to a broker whose workers accept pickle can run code in them."""
    if set(app.conf.accept_content) != {"json"} or app.conf.task_serializer != "json":
        yield Error(
            "The workers accept other content than JSON.",
            hint='Set CELERY_ACCEPT_CONTENT = ["json"] and CELERY_TASK_SERIALIZER = "json".',
            id="djcelery_jobs.E010",
        )


def lost_workers_lose_no_job(app: Celery) -> Iterator[CheckMessage]:
    """Require acks_late, or a job is lost with its worker, and reject_on_worker_lost, or with its child process."""
    for name, task in _own_tasks(app).items():
        if not (task.acks_late and task.reject_on_worker_lost):
            yield checks.Warning(
                f"The task {name} is lost when its worker dies.",
                hint="Turn acks_late and reject_on_worker_lost on, or silence this check where a loss does not matter.",
                id="djcelery_jobs.W011",
            )


def beat_holds_a_lock(app: Celery) -> Iterator[CheckMessage]:
    """Require a scheduler with a lock: two beats without one send every run twice."""
    try:
        has_lock = issubclass(symbol_by_name(app.conf.beat_scheduler), SingleBeatMixin)
    except (ImportError, AttributeError, TypeError, ValueError):
        has_lock = False  # no such class, which the message also says
    if not has_lock:
        yield Error(
            f"The scheduler {app.conf.beat_scheduler} does not exist or takes no lock.",
            hint='Set CELERY_BEAT_SCHEDULER = "djcelery_jobs:LockedScheduler".',
            id="djcelery_jobs.E012",
        )


def results_are_kept_where_they_are_asked_for(app: Celery) -> Iterator[CheckMessage]:
    """Require a result backend for each task that stores its result."""
    for name, task in _own_tasks(app).items():
        if not task.ignore_result and not app.conf.result_backend:
            yield Error(
                f"The task {name} keeps its result, and there is no result backend.",
                hint="Remove ignore_result=False, or set CELERY_RESULT_BACKEND.",
                id="djcelery_jobs.E013",
            )


def broker_and_cache_are_apart(app: Celery) -> Iterator[CheckMessage]:
    """Require a Redis database for the queues alone: `cache.clear()` empties a whole database."""
    if settings.CACHES.get("default", {}).get("LOCATION") == app.conf.broker_write_url:
        yield Error(
            "The cache and the broker share a Redis database.",
            hint="Use another database number or another server for the cache.",
            id="djcelery_jobs.E014",
        )


def the_broker_is_a_supported_one(app: Celery) -> Iterator[CheckMessage]:
    """Require Redis or RabbitMQ: the guarantees of durable jobs are tested with these, and hold for no other broker."""
    scheme = options.broker_url().split(":", 1)[0]
    if options.broker_kind() is None:
        yield Error(
            f"The broker {scheme}:// is not supported." if scheme else "No broker is set.",
            hint=OTHER_BROKERS.get(scheme, "Use a redis://, rediss://, sentinel://, amqp:// or amqps:// URL."),
            id="djcelery_jobs.E015",
        )


def the_queues_are_made_for_the_broker(app: Celery) -> Iterator[CheckMessage]:
    """Require queues for the broker in use: RabbitMQ needs quorum queues with a dead queue, and Redis has no kinds."""
    for name, queue in app.amqp.queues.items():
        made_for = "rabbitmq" if (queue.queue_arguments or {}).get("x-queue-type") else "redis"
        if options.broker_kind() in {"redis", "rabbitmq"} - {made_for}:
            yield Error(
                f"The queue {name} is not declared for the broker {options.broker_url().split(':', 1)[0]}://.",
                hint="Declare the queues with CELERY_TASK_QUEUES = queues(WORKLOADS, CELERY_BROKER_URL).",
                id="djcelery_jobs.E017",
            )


def the_settings_of_the_job_layer_are_valid(app: Celery) -> Iterator[CheckMessage]:
    """Require valid values in DJCELERY_JOBS: a typo would leave the default in force."""
    for problem in conf.problems(getattr(settings, conf.NAME, {})):
        yield Error(problem, hint="Correct DJCELERY_JOBS in the settings.", id="djcelery_jobs.E018")


def every_function_fits_its_options(app: Celery) -> Iterator[CheckMessage]:
    """Require of each `@task` a timeout that its workload class allows, and a key that names its arguments."""
    if is_backend_in_use():
        from djcelery_jobs.tasks_backend import check_functions  # which needs Django 6.0, or the package django-tasks

        yield from check_functions()


# Why other brokers do not work, and what to use instead.
OTHER_BROKERS = {
    "sqs": "SQS delays a message for 15 minutes at most, keeps a received one for 12 hours at most, and does not list "
    "its workers. Use Redis or RabbitMQ.",
    "redis+cluster": "A Redis cluster spreads the keys of a queue over its nodes, and Celery needs them on one. Use a "
    "server with a replica behind sentinels.",
    "valkey": "Valkey uses the protocol of Redis: write redis:// or rediss://.",
    "valkeys": "Valkey uses the protocol of Redis: write rediss://.",
}


def the_certificate_of_the_broker_is_verified(app: Celery) -> Iterator[CheckMessage]:
    """Require a verified certificate: without it, TLS does not protect you from an impostor of the broker."""
    url, ssl_options = app.conf.broker_write_url or "", app.conf.broker_use_ssl or {}
    unverified = {
        "rediss": ssl_options.get("ssl_cert_reqs") != ssl.CERT_REQUIRED and "ssl_cert_reqs=required" not in url.lower(),
        "amqps": not ssl_options.get("server_hostname"),
    }
    if unverified.get(url.split(":", 1)[0]):
        yield checks.Warning(
            "The name in the broker's certificate is not verified.",
            hint="Set CELERY_BROKER_USE_SSL = tls_options(CELERY_BROKER_URL). A RabbitMQ cluster also needs name=.",
            id="djcelery_jobs.W016",
        )


Rule = Callable[[Celery], Iterator[CheckMessage]]
# The other rules lean on these declarations.
DECLARATION_RULES: list[Rule] = [
    the_workload_classes_are_declared,
    the_routes_are_a_table,
    the_settings_of_the_job_layer_are_valid,
]
RULES: list[Rule] = [
    every_task_has_a_route,
    every_route_has_a_task,
    every_route_leads_to_a_declared_queue,
    every_entry_names_a_task,
    every_entry_has_the_right_arguments,
    every_entry_has_options_of_the_right_type,
    every_entry_expires,
    every_task_has_limits,
    command_lines_of_your_own_hold_as_many_messages,
    the_visibility_timeout_exceeds_every_limit,
    eager_only_in_tests,
    only_json,
    lost_workers_lose_no_job,
    beat_holds_a_lock,
    results_are_kept_where_they_are_asked_for,
    broker_and_cache_are_apart,
    the_broker_is_a_supported_one,
    the_queues_are_made_for_the_broker,
    the_certificate_of_the_broker_is_verified,
    every_function_fits_its_options,
]


def _own_tasks(app: Celery) -> dict[str, Task]:
    tasks = {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}
    if _is_adopted(app):
        return {name: task for name, task in tasks.items() if isinstance(task, JobTask)}
    return tasks


def _routes(app: Celery) -> Mapping[str, Any]:
    return {} if _is_adopted(app) else app.conf.task_routes or {}
