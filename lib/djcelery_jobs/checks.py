"""`manage.py check --tag jobs`: what only the running app knows, from its tasks and its effective settings.

Each check is a function that yields messages; its docstring is the rule that it holds.
"""

import inspect
import os
import re
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

from djcelery_jobs import conf
from djcelery_jobs.beat.scheduler import SingleBeatMixin
from djcelery_jobs.brokers import options


@register("djcelery_jobs")
def check_jobs(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Every rule below, on the app of this process."""
    app = current_app._get_current_object()
    # Not Celery's own way to import the tasks: that runs Django's checks, this one among them.
    autodiscover_modules("tasks")
    return [message for rule in RULES for message in rule(app)]


def every_task_has_a_route(app: Celery) -> Iterator[CheckMessage]:
    """A task without a route runs in the default queue, between work of another class."""
    for name in sorted(_own_tasks(app).keys() - app.conf.task_routes.keys()):
        yield Error(
            f"The task {name} has no route.", hint="Add it to ROUTES in settings/jobs.py.", id="djcelery_jobs.E001"
        )


def every_route_has_a_task(app: Celery) -> Iterator[CheckMessage]:
    """A route for a task that does not exist is a typo, and the task meant runs elsewhere."""
    for name in sorted(app.conf.task_routes.keys() - app.tasks.keys()):
        yield Error(
            f"ROUTES names the task {name}, which does not exist.",
            hint="Correct the name, or install the app that holds it.",
            id="djcelery_jobs.E002",
        )


def every_route_leads_to_a_declared_queue(app: Celery) -> Iterator[CheckMessage]:
    """No worker consumes a queue that is not declared."""
    for name, route in app.conf.task_routes.items():
        if route["queue"] not in app.amqp.queues:
            yield Error(
                f"The task {name} is routed to the queue {route['queue']}, which is not declared.",
                hint=f"Declare it in WORKLOADS in settings/jobs.py, or use one of {', '.join(app.amqp.queues)}.",
                id="djcelery_jobs.E003",
            )


def every_entry_names_a_task(app: Celery) -> Iterator[CheckMessage]:
    """Beat would send it, and the worker would throw it away."""
    for entry, entry_options in app.conf.beat_schedule.items():
        if entry_options["task"] not in app.tasks:
            yield Error(
                f"The schedule entry {entry} names the task {entry_options['task']}, which does not exist.",
                hint="Correct `task` in CELERY_BEAT_SCHEDULE.",
                id="djcelery_jobs.E004",
            )


def every_entry_has_the_right_arguments(app: Celery) -> Iterator[CheckMessage]:
    """Beat does not look at arguments; the task would fail at each run."""
    for entry, entry_options in app.conf.beat_schedule.items():
        task = app.tasks.get(entry_options["task"])
        try:
            if task:
                inspect.signature(task.run).bind(*entry_options.get("args", ()), **entry_options.get("kwargs", {}))
        except TypeError as error:
            yield Error(
                f"The schedule entry {entry} does not fit {entry_options['task']}: {error}.",
                hint="Correct `args` or `kwargs` in CELERY_BEAT_SCHEDULE.",
                id="djcelery_jobs.E005",
            )


def every_entry_expires(app: Celery) -> Iterator[CheckMessage]:
    """After a queue stood still, runs without an end would all start at once."""
    for entry, entry_options in app.conf.beat_schedule.items():
        if not entry_options.get("options", {}).get("expires"):
            yield checks.Warning(
                f"The schedule entry {entry} never expires.",
                hint='Give it "options": {"expires": seconds}.',
                id="djcelery_jobs.W006",
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
                id="djcelery_jobs.E007",
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
                id="djcelery_jobs.E008",
            )


def eager_only_in_tests(app: Celery) -> Iterator[CheckMessage]:
    """Inline tasks make every request wait for its jobs, and lose them with it."""
    module = os.environ.get("DJANGO_SETTINGS_MODULE", "")
    if app.conf.task_always_eager and module and not TESTING.search(module):
        yield Error("CELERY_TASK_ALWAYS_EAGER is on.", hint="Only test settings may set it.", id="djcelery_jobs.E009")


# A settings module of tests, by its name: project.settings.test, project.test_settings.
TESTING = re.compile(r"(^|[._])tests?($|[._])")


def only_json(app: Celery) -> Iterator[CheckMessage]:
    """Whoever can write to a broker that accepts pickle can run code in the workers."""
    if set(app.conf.accept_content) != {"json"} or app.conf.task_serializer != "json":
        yield Error("Workers accept more than JSON.", hint='CELERY_ACCEPT_CONTENT = ["json"]', id="djcelery_jobs.E010")


def lost_workers_lose_no_job(app: Celery) -> Iterator[CheckMessage]:
    """An early ack loses the job with its worker; a late one without the reject loses it with its child process."""
    for name, task in _own_tasks(app).items():
        if not (task.acks_late and task.reject_on_worker_lost):
            yield checks.Warning(
                f"The task {name} is lost when its worker dies.",
                hint="Leave acks_late and reject_on_worker_lost on, or silence this where a loss does not matter.",
                id="djcelery_jobs.W011",
            )


def beat_holds_a_lock(app: Celery) -> Iterator[CheckMessage]:
    """Two beats without a lock send every run twice."""
    if not issubclass(symbol_by_name(app.conf.beat_scheduler), SingleBeatMixin):
        yield Error(
            f"The scheduler {app.conf.beat_scheduler} takes no lock.",
            hint="Use djcelery_jobs.beat.scheduler:LockedScheduler, or derive yours from SingleBeatMixin.",
            id="djcelery_jobs.E012",
        )


def results_are_kept_where_they_are_asked_for(app: Celery) -> Iterator[CheckMessage]:
    """A task that wants its result kept needs a backend to keep it in."""
    for name, task in _own_tasks(app).items():
        if not task.ignore_result and not app.conf.result_backend:
            yield Error(
                f"The task {name} keeps its result, and there is no result backend.",
                hint="Remove ignore_result=False, or set CELERY_RESULT_BACKEND.",
                id="djcelery_jobs.E013",
            )


def broker_and_cache_are_apart(app: Celery) -> Iterator[CheckMessage]:
    """`cache.clear()` empties its whole Redis database, with every queue in it."""
    if settings.CACHES["default"].get("LOCATION") == app.conf.broker_write_url:
        yield Error(
            "The cache is in the broker's Redis database.",
            hint="Give CACHE_URL another database number, or another server.",
            id="djcelery_jobs.E014",
        )


def the_broker_is_a_supported_one(app: Celery) -> Iterator[CheckMessage]:
    """The promises of durable jobs are tested with Redis and RabbitMQ, and hold for no other broker."""
    scheme = options.broker_url().split(":", 1)[0]
    if options.broker_kind() is None:
        yield Error(
            f"The broker URL begins with {scheme}:, which is not supported.",
            hint=OTHER_BROKERS.get(scheme, "Use a redis://, rediss://, sentinel://, amqp:// or amqps:// URL."),
            id="djcelery_jobs.E015",
        )


def the_queues_are_made_for_the_broker(app: Celery) -> Iterator[CheckMessage]:
    """RabbitMQ needs quorum queues with a dead queue behind them; Redis has no kinds of queue."""
    for name, queue in app.amqp.queues.items():
        made_for = "rabbitmq" if (queue.queue_arguments or {}).get("x-queue-type") else "redis"
        if options.broker_kind() in {"redis", "rabbitmq"} - {made_for}:
            yield Error(
                f"The queue {name} is declared for another broker than {options.broker_url().split(':', 1)[0]}://.",
                hint="Declare the queues with CELERY_TASK_QUEUES = queues(WORKLOADS, CELERY_BROKER_URL).",
                id="djcelery_jobs.E017",
            )


def the_settings_of_the_job_layer_are_valid(app: Celery) -> Iterator[CheckMessage]:
    """A typo in DJCELERY_JOBS would silently leave the default in force."""
    for problem in conf.problems(getattr(settings, conf.NAME, {})):
        yield Error(problem, hint="Correct DJCELERY_JOBS in the settings.", id="djcelery_jobs.E018")


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
    url, ssl_options = app.conf.broker_write_url or "", app.conf.broker_use_ssl or {}
    unlooked = {
        "rediss": ssl_options.get("ssl_cert_reqs") != ssl.CERT_REQUIRED and "ssl_cert_reqs=required" not in url.lower(),
        "amqps": not ssl_options.get("server_hostname"),
    }
    if unlooked.get(url.split(":", 1)[0]):
        yield checks.Warning(
            "The broker's certificate is not compared with its name.",
            hint="Take ssl_cert_reqs out of REDIS_URL; for a cluster of RabbitMQ, set AMQP_TLS_NAME.",
            id="djcelery_jobs.W016",
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
    the_broker_is_a_supported_one,
    the_queues_are_made_for_the_broker,
    the_settings_of_the_job_layer_are_valid,
    the_broker_shows_a_certificate_that_is_looked_at,
]


def _own_tasks(app: Celery) -> dict[str, Task]:
    return {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}
