"""Run the function of a `@task` as a durable Celery task that has the function's path as its name."""

import asyncio
import inspect
from collections.abc import Callable
from contextlib import ExitStack, suppress
from contextvars import ContextVar
from functools import wraps
from importlib import import_module
from typing import Any

from asgiref.sync import async_to_sync
from billiard.common import terminate_handler_fired  # type: ignore[import-untyped]
from celery import current_app, shared_task

from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.core import task_results
from djcelery_jobs.core.durable import DurableTask
from djcelery_jobs.core.task_options import TaskOptions, options_of
from djcelery_jobs.core.tasks_api import (
    DEFAULT_TASK_QUEUE_NAME,
    InvalidTask,
    Task,
    TaskContext,
    TaskResult,
    normalize_json,
    task_backends,
    task_finished,
    task_started,
)
from djcelery_jobs.models import Job, State
from djcelery_jobs.storable import stored

# By path: each task that this process has imported.
declared: dict[str, Task] = {}
_running: ContextVar[TaskResult] = ContextVar("djcelery_jobs_running")


class TaskExitedError(RuntimeError):
    """Say that the function of a task called sys.exit(). Its job has failed; the worker goes on."""


class FunctionTask(DurableTask):
    """Run the function of a `@task`, and send the API's signals."""

    abstract = True
    function: Task

    def _perform(self, job: Job, args: Any, kwargs: Any) -> Any:
        result = task_results.from_job(job, self.function, (args, kwargs))
        job.task_result = result  # for the end of the run
        token = _running.set(result)
        try:
            task_started.send_robust(sender=_backend_class(result), task_result=result)
            value = self.run(*args, **kwargs)
            if options_of(result.task).keep_result:
                job.return_value = storable_result(self.name, value)
        finally:
            _running.reset(token)
        return value

    def _run(self, job: Job, transaction: ExitStack, *, is_locked: bool) -> Any:
        try:
            value = super()._run(job, transaction, is_locked=is_locked)
        except SystemExit as error:
            if terminate_handler_fired():  # the process was told to end
                raise
            self._fail(job, error)
            raise TaskExitedError(f"{self.name} called sys.exit({error.code!r}).") from error
        if job.state == State.DONE:
            result = task_results.succeeded(job.task_result, job)
            task_finished.send_robust(sender=_backend_class(result), task_result=result)
        return value

    def _fail(self, job: Job, error: BaseException) -> None:
        was_dead = job.state == State.DEAD
        super()._fail(job, error)
        if job.state == State.DEAD and not was_dead:
            self._announce_end(job)

    def _give_up(self, job: Job | None) -> None:
        super()._give_up(job)
        if job:
            self._announce_end(job)

    def _announce_end(self, job: Job) -> None:
        result = task_results.from_job(job, self.function)
        task_finished.send_robust(sender=_backend_class(result), task_result=result)


def _backend_class(result: TaskResult) -> type:
    return type(task_backends[result.backend])


def storable_result(name: str, value: Any) -> Any:
    """Return a value as a row keeps it. Raise TypeError for what is not JSON, ValueError for what is too large."""
    document = stored(normalize_json(value))
    if (size := len(str(document))) > (allowed := jobs_settings.MAX_RESULT_BYTES):
        raise ValueError(
            f"{name} returns {size} bytes, {allowed} are allowed. Put larger data in file storage or a row and "
            "return its key."
        )
    return document


def register(task: Task) -> None:
    """Make a durable Celery task of a `@task`, unless there is one."""
    path = task.module_path
    if path in declared:
        return
    declared[path] = task
    given = _celery_options(task, options_of(task))
    shared_task(name=path, base=FunctionTask, function=task, **given)(_runnable(task))


def _celery_options(task: Task, options: TaskOptions) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if task.queue_name != DEFAULT_TASK_QUEUE_NAME:
        given["queue"] = task.queue_name
    if options.max_attempts is not None:
        given["max_retries"] = options.max_attempts - 1
    if options.backoff is not None:
        given["retry_backoff"] = options.backoff
        given["retry_backoff_max"] = max(options.backoff, FunctionTask.retry_backoff_max)
    if options.one_transaction is not None:
        given["one_transaction"] = options.one_transaction
    if options.timeout is not None:
        given["soft_time_limit"] = options.timeout
    return given


def celery_task(task: Task) -> FunctionTask:
    """Return the Celery task that runs a `@task`. Raise InvalidTask when its path is the name of another."""
    register(task)
    registered = current_app.tasks[task.module_path]
    if not isinstance(registered, FunctionTask):
        raise InvalidTask(f"{task.module_path} is a Celery task as well. Rename one of the two functions.")
    return registered


def declared_task(path: str) -> Task | None:
    """Return the task with this path, importing its module if need be. None: the code has no such task."""
    if path not in declared:
        with suppress(ImportError, ValueError):
            module = import_module(path.rpartition(".")[0])
            task = getattr(module, path.rpartition(".")[2], None)
            if isinstance(task, Task) and path not in declared:
                register(task)
    return declared.get(path)


def _runnable(task: Task) -> Callable[..., Any]:
    """Return the function as Celery calls it: with the job's arguments, and in a loop if it is a coroutine function."""
    function = task.func
    signature = inspect.signature(function)
    if task.takes_context:
        signature = signature.replace(parameters=list(signature.parameters.values())[1:])

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        if task.takes_context:
            args = (TaskContext(task_result=_running.get()), *args)
        return (
            run_coroutine(function, args, kwargs)
            if inspect.iscoroutinefunction(function)
            else function(*args, **kwargs)
        )

    run.__signature__ = signature  # type: ignore[attr-defined]  # of what a caller passes
    return run


def run_coroutine(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Run a coroutine function in a loop of its own, and what it asks of the database in this thread.

    So its queries are in the transaction that this thread is in. An error of this thread, such as that its time is up,
    cancels the coroutine.
    """
    running: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any] | None]] = []

    async def main() -> Any:
        running.append((asyncio.get_running_loop(), asyncio.current_task()))
        return await function(*args, **kwargs)

    try:
        return async_to_sync(main)()
    except BaseException:
        for loop, coroutine in running:
            with suppress(RuntimeError):  # the loop is closed: it has ended by itself
                loop.call_soon_threadsafe(coroutine.cancel) if coroutine else None
        raise
