"""Enqueue every `@task` as a durable job, in the caller's transaction. core/task_functions.py runs it.

TASKS = {"default": {"BACKEND": "djcelery_jobs.tasks_backend.DurableBackend"}}
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from inspect import signature
from typing import Any

from celery import current_app
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.exceptions import SynchronousOnlyOperation
from django.utils import timezone

from djcelery_jobs.brokers.options import broker_kind
from djcelery_jobs.brokers.rabbitmq import ARGUMENTS
from djcelery_jobs.core import outbox, task_options, task_results
from djcelery_jobs.core.republish_delays import hard_limit
from djcelery_jobs.core.task_functions import celery_task, declared, declared_task, register
from djcelery_jobs.core.task_options import PER_TASK, job_options, options_of
from djcelery_jobs.core.tasks_api import (
    DEFAULT_TASK_QUEUE_NAME,
    TASK_MAX_PRIORITY,
    TASK_MIN_PRIORITY,
    BaseTaskBackend,
    InvalidTask,
    Task,
    TaskResult,
    TaskResultDoesNotExist,
    normalize_json,
    task_enqueued,
)
from djcelery_jobs.models import Job

__all__ = ["DurableBackend", "JobNotRunError", "job_options"]

MAX_PRIORITY = ARGUMENTS["priority"]["x-max-priority"]


class JobNotRunError(Exception):
    """Stand in a TaskResult for the error of a job that never ran, because it was discarded or could not be sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFunction(Task):
    """Define the Task of this backend: `@task(max_attempts=3, timeout=20)`. TaskOptions describes each option."""

    max_attempts: int | None = None
    backoff: float | None = None
    one_transaction: bool | None = None
    key: str | None = None
    timeout: float | None = None
    keep_result: bool | None = None

    def __post_init__(self) -> None:
        Task.__post_init__(self)  # not super(): slots=True makes another class of this one
        register(self)


class DurableBackend(BaseTaskBackend):
    """Write each enqueued task as a durable job, in the caller's transaction.

    QUEUES: workload classes, all of them by default. The queue `default` means the route of the task in
        CELERY_TASK_ROUTES, or without a route CELERY_TASK_DEFAULT_QUEUE.
    OPTIONS: {"tasks": {"path.of.task": {"max_attempts": 3}}} gives options to a task; the path "*" means every task.
    """

    task_class = JobFunction
    supports_defer = True
    supports_async_task = True
    supports_get_result = True

    def __init__(self, alias: str, params: dict[str, Any]) -> None:
        super().__init__(alias, params)
        if "QUEUES" not in params:
            self.queues = {DEFAULT_TASK_QUEUE_NAME, *_workloads()}

    @property
    def supports_priority(self) -> bool:
        """Return whether some queue has priorities, which only RabbitMQ's can."""
        return broker_kind() == "rabbitmq" and any(map(_has_priorities, _workloads()))

    def validate_task(self, task: Task) -> None:
        """Raise InvalidTask for a task that this backend could not run as it says."""
        super().validate_task(task)
        if task.queue_name not in (DEFAULT_TASK_QUEUE_NAME, *_workloads()):
            raise InvalidTask(f"Queue '{task.queue_name}' is not valid for backend. Declare it in WORKLOADS.")
        if task.priority and not _has_priorities(_workload(task)):
            raise InvalidTask(
                f"Queue '{_workload(task)}' has no priorities. Give its workload class kind=\"priority\" on RabbitMQ."
            )
        options = {name: value for name in task_options.NAMES if (value := getattr(task, name, None)) is not None}
        if problem := next(task_options.problems(options), None):
            raise InvalidTask(f"{task.module_path}: {problem}")

    def enqueue(self, task: Task, args: Any, kwargs: Any) -> TaskResult:
        """Write the job into the caller's transaction, and return its result.

        Raise InvalidTask, and TypeError and ValueError for arguments with which the task could not run.
        """
        self.validate_task(task)
        function, workload, options = celery_task(task), _workload(task), options_of(task)
        args, kwargs = normalize_json(list(args)), normalize_json(dict(kwargs))
        call = task_results.call_options(task)
        results: list[TaskResult] = []

        def announce(job: Job) -> None:  # at the commit, which in autocommit is before the next line
            results[:] = results or [task_results.from_job(job, task, (args, kwargs))]
            task_enqueued.send_robust(sender=type(self), task_result=results[0])

        try:
            [job] = outbox.write(
                function,
                [(args, kwargs)],
                key=_key(function, options, args, kwargs),
                announce=announce,
                queue=workload,
                eta=task.run_after if task.run_after and task.run_after > timezone.now() else None,
                priority=_broker_priority(task.priority) if _has_priorities(workload) else None,
                **({outbox.CALL_OPTION: call} if call else {}),
            )
        except SynchronousOnlyOperation as error:
            message = f"{task.module_path} is enqueued in async code. Write `await task.aenqueue(...)`."
            raise SynchronousOnlyOperation(message) from error
        results[:] = results or [task_results.from_job(job, task)]
        return results[0]

    def get_result(self, result_id: str) -> TaskResult:
        """Return the result of the job with this id. Raise TaskResultDoesNotExist when no `@task` has one."""
        try:
            job = Job.objects.get(pk=uuid.UUID(str(result_id)))
        except (ValueError, Job.DoesNotExist) as error:
            raise TaskResultDoesNotExist(result_id) from error
        task = declared_task(job.task)
        if task is None:
            raise TaskResultDoesNotExist(f"{result_id} is a job of {job.task}, which is not a @task.")
        return task_results.from_job(job, task)

    def check(self, **kwargs: Any) -> Iterator[CheckMessage]:
        """Report queues that no workload class has, and options that no task can have."""
        if _workloads():  # otherwise there is a message about them
            yield from self._check_queues()
            yield from self._check_options()

    def _check_queues(self) -> Iterator[CheckMessage]:
        hint = f"Use the names in WORKLOADS: {', '.join(_workloads())}."
        for queue in sorted(self.queues - {DEFAULT_TASK_QUEUE_NAME, *_workloads()}):
            message = f"TASKS[{self.alias!r}] has the queue {queue}, which is not a workload class."
            yield Error(message, hint=hint, id="djcelery_jobs.E022")
        default = current_app.conf.task_default_queue
        if DEFAULT_TASK_QUEUE_NAME in self.queues and default not in _workloads():
            yield Error(
                f"The queue default of TASKS[{self.alias!r}] stands for {default}, which is not a workload class.",
                hint="Set CELERY_TASK_DEFAULT_QUEUE to one of WORKLOADS.",
                id="djcelery_jobs.E022",
            )

    def _check_options(self) -> Iterator[CheckMessage]:
        hint = 'Write "OPTIONS": {"tasks": {"path.of.task": {"max_attempts": 3}}}.'
        for name in sorted(self.options.keys() - {PER_TASK}):
            yield Error(f"TASKS[{self.alias!r}] has an unknown option {name}.", hint=hint, id="djcelery_jobs.E023")
        for path, options in self.options.get(PER_TASK, {}).items():
            for problem in task_options.problems(options):
                yield Error(f"TASKS[{self.alias!r}], {path}: {problem}", hint=hint, id="djcelery_jobs.E023")


def check_functions() -> Iterator[CheckMessage]:
    """Report tasks whose options do not fit the function, or the workload class in which it runs."""
    for task in list(declared.values()):
        if isinstance(task.get_backend(), DurableBackend):
            yield from _check_function(task)


def _check_function(task: Task) -> Iterator[CheckMessage]:
    options, workload = options_of(task), _workload(task)
    if options.timeout and options.timeout >= hard_limit(workload):
        yield Error(
            f"{task.module_path} has a timeout of {options.timeout:g} s, and {workload} ends each run after "
            f"{hard_limit(workload):g} s.",
            hint="Lower the timeout, or route the task to a workload class with longer limits.",
            id="djcelery_jobs.E024",
        )
    parameters = signature(current_app.tasks[task.module_path].run).parameters
    try:
        options.key_of(dict.fromkeys(parameters, ""))
    except ValueError as error:
        yield Error(f"{task.module_path}: {error}", hint="Correct the names in the key.", id="djcelery_jobs.E024")


def _workloads() -> Mapping[str, Any]:
    """Return the declared workload classes. Without a declaration that is one, `manage.py check` says so."""
    workloads = getattr(settings, "WORKLOADS", None)
    return workloads if isinstance(workloads, Mapping) else {}


def _workload(task: Task) -> str:
    """Return the workload class in which a task runs."""
    if task.queue_name != DEFAULT_TASK_QUEUE_NAME:
        return task.queue_name
    return current_app.amqp.router.route({}, task.module_path)["queue"].name


def _has_priorities(workload: str) -> bool:
    declaration = _workloads().get(workload)
    return getattr(declaration, "kind", None) == "priority"


def _broker_priority(priority: int) -> int:
    """Return RabbitMQ's priority for one of the API, so that their order is the same."""
    return round((priority - TASK_MIN_PRIORITY) / (TASK_MAX_PRIORITY - TASK_MIN_PRIORITY) * MAX_PRIORITY)


def _key(function: Any, options: Any, args: Any, kwargs: Any) -> str | None:
    if options.key is None:
        return None
    bound = signature(function.run).bind(*args, **kwargs)
    bound.apply_defaults()
    return options.key_of(bound.arguments)
