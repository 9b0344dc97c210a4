"""`manage.py check --tag jobs`: what only the running app knows, from its tasks and its effective settings.

Each check is a function that yields messages; its docstring is the rule that it holds.
"""

import inspect
import os
import ssl
from collections.abc import Callable, Iterator
from typing import Any

from celery import Celery, current_app
from celery.app.task import Task
from celery.utils.imports import symbol_by_name
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register
from django.utils.module_loading import autodiscover_modules

from .beat import OneAtATime


@register("jobs")
def check_jobs(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Every rule below, on the app of this process."""
    app = current_app._get_current_object()
    # Not Celery's own way to import the tasks: that runs Django's checks, this one among them.
    autodiscover_modules("tasks")
    return [message for rule in RULES for message in rule(app)]


def every_task_has_a_route(app: Celery) -> Iterator[CheckMessage]:
    """A task without a route runs in the default queue, between work of another class."""
    for name in sorted(_own_tasks(app).keys() - app.conf.task_routes.keys()):
        yield Error(f"The task {name} has no route.", hint="Add it to ROUTES in settings/jobs.py.", id="jobs.E001")


def every_route_has_a_task(app: Celery) -> Iterator[CheckMessage]:
    """A route for a task that does not exist is a typo, and the task meant runs elsewhere."""
    for name in sorted(app.conf.task_routes.keys() - app.tasks.keys()):
        yield Error(
            f"ROUTES names the task {name}, which does not exist.",
            hint="Correct the name, or install the app that holds it.",
            id="jobs.E002",
        )


def every_route_leads_to_a_declared_queue(app: Celery) -> Iterator[CheckMessage]:
    """No worker consumes a queue that is not declared."""
    for name, route in app.conf.task_routes.items():
        if route["queue"] not in app.amqp.queues:
            yield Error(
                f"The task {name} is routed to the queue {route['queue']}, which is not declared.",
                hint=f"Declare it in WORKLOADS in settings/jobs.py, or use one of {', '.join(app.amqp.queues)}.",
                id="jobs.E003",
            )


def every_entry_names_a_task(app: Celery) -> Iterator[CheckMessage]:
    """Beat would send it, and the worker would throw it away."""
    for entry, options in app.conf.beat_schedule.items():
        if options["task"] not in app.tasks:
            yield Error(
                f"The schedule entry {entry} names the task {options['task']}, which does not exist.",
                hint="Correct `task` in CELERY_BEAT_SCHEDULE.",
                id="jobs.E004",
            )


def every_entry_has_the_right_arguments(app: Celery) -> Iterator[CheckMessage]:
    """Beat does not look at arguments; the task would fail at each run."""
    for entry, options in app.conf.beat_schedule.items():
        task = app.tasks.get(options["task"])
        try:
            if task:
                inspect.signature(task.run).bind(*options.get("args", ()), **options.get("kwargs", {}))
        except TypeError as error:
            yield Error(
                f"The schedule entry {entry} does not fit {options['task']}: {error}.",
                hint="Correct `args` or `kwargs` in CELERY_BEAT_SCHEDULE.",
                id="jobs.E005",
            )


def every_entry_expires(app: Celery) -> Iterator[CheckMessage]:
    """After a queue stood still, runs without an end would all start at once."""
    for entry, options in app.conf.beat_schedule.items():
        if not options.get("options", {}).get("expires"):
            yield checks.Warning(
                f"The schedule entry {entry} never expires.",
                hint='Give it "options": {"expires": seconds}.',
                id="jobs.W006",
            )


def every_task_has_limits(app: Celery) -> Iterator[CheckMessage]:
    """Without a limit, one call that hangs takes a worker process for ever."""
    for name, task in _own_tasks(app).items():
        soft = task.soft_time_limit or app.conf.task_soft_time_limit
        hard = task.time_limit or app.conf.task_time_limit
        if not all(isinstance(limit, int | float) for limit in (soft, hard)) or not 0 < soft < hard:
            yield Error(
                f"The task {name} has the limits {soft!r} and {hard!r}.",
                hint="Both are numbers of seconds, the soft one below the hard one; route it to a class in WORKLOADS.",
                id="jobs.E007",
            )


def the_visibility_timeout_exceeds_every_limit(app: Celery) -> Iterator[CheckMessage]:
    """Redis gives a job to a second worker when the timeout is over, whether or not the first still runs it."""
    timeout = app.conf.broker_transport_options.get("visibility_timeout")
    if timeout is None:
        return
    for name, task in _own_tasks(app).items():
        hard = task.time_limit or app.conf.task_time_limit or 0
        longest = hard + (task.retry_backoff_max if task.retry_backoff else task.default_retry_delay)
        if longest >= timeout:
            yield Error(
                f"The task {name} may take {longest} s with its retry delay; the visibility timeout is {timeout} s.",
                hint="Lower its limit or its retry_backoff_max, or raise LONGEST_DELAY in settings/jobs.py.",
                id="jobs.E008",
            )


def eager_only_in_tests(app: Celery) -> Iterator[CheckMessage]:
    """Inline tasks make every request wait for its jobs, and lose them with it."""
    if app.conf.task_always_eager and not os.environ.get("DJANGO_SETTINGS_MODULE", "").endswith(".test"):
        yield Error("CELERY_TASK_ALWAYS_EAGER is on.", hint="Only settings/test.py may set it.", id="jobs.E009")


def only_json(app: Celery) -> Iterator[CheckMessage]:
    """Whoever can write to a broker that accepts pickle can run code in the workers."""
    if set(app.conf.accept_content) != {"json"} or app.conf.task_serializer != "json":
        yield Error("Workers accept more than JSON.", hint='CELERY_ACCEPT_CONTENT = ["json"]', id="jobs.E010")


def lost_workers_lose_no_job(app: Celery) -> Iterator[CheckMessage]:
    """An early ack loses the job with its worker; a late one without the reject loses it with its child process."""
    for name, task in _own_tasks(app).items():
        if not (task.acks_late and task.reject_on_worker_lost):
            yield checks.Warning(
                f"The task {name} is lost when its worker dies.",
                hint="Leave acks_late and reject_on_worker_lost on, or silence this where a loss does not matter.",
                id="jobs.W011",
            )


def beat_holds_a_lock(app: Celery) -> Iterator[CheckMessage]:
    """Two beats without a lock send every run twice."""
    if not issubclass(symbol_by_name(app.conf.beat_scheduler), OneAtATime):
        yield Error(
            f"The scheduler {app.conf.beat_scheduler} takes no lock.",
            hint="Use one of jobs/beat.py, or derive yours from OneAtATime.",
            id="jobs.E012",
        )


def results_are_kept_where_they_are_asked_for(app: Celery) -> Iterator[CheckMessage]:
    """A task that wants its result kept needs a backend to keep it in."""
    for name, task in _own_tasks(app).items():
        if not task.ignore_result and not app.conf.result_backend:
            yield Error(
                f"The task {name} keeps its result, and there is no result backend.",
                hint="Remove ignore_result=False, or set CELERY_RESULT_BACKEND.",
                id="jobs.E013",
            )


def broker_and_cache_are_apart(app: Celery) -> Iterator[CheckMessage]:
    """`cache.clear()` empties its whole Redis database, with every queue in it."""
    if settings.CACHES["default"].get("LOCATION") == app.conf.broker_write_url:
        yield Error(
            "The cache is in the broker's Redis database.",
            hint="Give CACHE_URL another database number, or another server.",
            id="jobs.E014",
        )


def the_broker_is_the_one_this_project_is_made_for(app: Celery) -> Iterator[CheckMessage]:
    """Queue types, timeouts and routes differ between brokers; another URL is not enough to change it."""
    scheme = (app.conf.broker_write_url or "").split(":", 1)[0]
    if scheme not in settings.BROKER_SCHEMES:
        yield Error(
            f"The broker URL begins with {scheme}:, this project is made for {', '.join(settings.BROKER_SCHEMES)}.",
            hint=OTHER_BROKERS.get(
                scheme, "Correct the URL, or change queues and options in settings/jobs.py with it."
            ),
            id="jobs.E015",
        )


# What to know of brokers that somebody may want instead.
OTHER_BROKERS = {
    "sqs": "SQS holds a delayed job for 15 minutes at most and a taken one for 12 hours, and tells nobody which "
    "workers there are. Use Redis or RabbitMQ.",
    "redis+cluster": "A Redis cluster keeps the keys of one queue on different nodes, and Celery needs them on one. "
    "Use a server with a replica behind sentinels.",
    "valkey": "Valkey speaks the language of Redis: write redis:// or rediss://.",
    "valkeys": "Valkey speaks the language of Redis: write rediss://.",
}


def the_broker_shows_a_certificate_that_is_looked_at(app: Celery) -> Iterator[CheckMessage]:
    """TLS without it hides the jobs from who listens, and not from who answers in the broker's place."""
    url, options = app.conf.broker_write_url or "", app.conf.broker_use_ssl or {}
    unlooked = {
        "rediss": options.get("ssl_cert_reqs") != ssl.CERT_REQUIRED and "ssl_cert_reqs=required" not in url.lower(),
        "amqps": not options.get("server_hostname"),
    }
    if unlooked.get(url.split(":", 1)[0]):
        yield checks.Warning(
            "The broker's certificate is not compared with its name.",
            hint="Take ssl_cert_reqs out of REDIS_URL; for a cluster of RabbitMQ, set AMQP_TLS_NAME.",
            id="jobs.W016",
        )


RULES: list[Callable[[Celery], Iterator[CheckMessage]]] = [
    every_task_has_a_route,
    every_route_has_a_task,
    every_route_leads_to_a_declared_queue,
    every_entry_names_a_task,
    every_entry_has_the_right_arguments,
    every_entry_expires,
    every_task_has_limits,
    the_visibility_timeout_exceeds_every_limit,
    eager_only_in_tests,
    only_json,
    lost_workers_lose_no_job,
    beat_holds_a_lock,
    results_are_kept_where_they_are_asked_for,
    broker_and_cache_are_apart,
    the_broker_is_the_one_this_project_is_made_for,
    the_broker_shows_a_certificate_that_is_looked_at,
]


def _own_tasks(app: Celery) -> dict[str, Task]:
    return {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}
