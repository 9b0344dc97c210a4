"""Describe a job's row as a result of Django's task API."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from djcelery_jobs.core.outbox import CALL_OPTION, arguments
from djcelery_jobs.core.task_options import options_of
from djcelery_jobs.core.tasks_api import (
    DEFAULT_TASK_QUEUE_NAME,
    InvalidTask,
    Task,
    TaskError,
    TaskResult,
    TaskResultStatus,
)
from djcelery_jobs.models import UNFINISHED, Job, State
from djcelery_jobs.storable import loaded

NOT_RUN = "djcelery_jobs.tasks_backend.JobNotRunError"
# How a task is enqueued, unless its row says otherwise.
DEFAULTS: dict[str, Any] = {
    "queue_name": DEFAULT_TASK_QUEUE_NAME,
    "priority": 0,
    "backend": "default",
    "run_after": None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult(TaskResult):
    """Represent the result of a durable job, read from its row."""

    _return_value: Any | None = None

    @property
    def return_value(self) -> Any:
        """Return what the function returned. Raise ValueError unless it is finished well and its task keeps it."""
        if self.status == TaskResultStatus.SUCCESSFUL and not options_of(self.task).keep_result:
            raise ValueError(f"{self.task.module_path} does not keep what it returns. Give it keep_result=True.")
        if self.status == TaskResultStatus.FAILED:
            raise ValueError("Task failed")
        if self.status != TaskResultStatus.SUCCESSFUL:
            raise ValueError("Task has not finished yet")
        return self._return_value


def call_options(task: Task) -> dict[str, Any]:
    """Return for the row how the task is enqueued, as far as it differs from the API's defaults."""
    values = {name: getattr(task, name) for name, default in DEFAULTS.items() if getattr(task, name) != default}
    if when := values.get("run_after"):
        values["run_after"] = when.isoformat()
    return values


def from_job(job: Job, declared: Task, call: tuple[Any, Any] | None = None) -> JobResult:
    """Return the result that a row describes.

    declared: the task as the code has it. call: the arguments of the job, where they are known already.
    """
    task = _as_enqueued(declared, job.options.get(CALL_OPTION) or {})
    args, kwargs = call or arguments(job)
    runs = job.earlier_runs or []
    began = [_time(run["started_at"]) for run in runs] + [job.started_at]
    times = [time for time in began if time]
    status = _status(job)
    return JobResult(
        task=task,
        id=str(job.pk),
        status=status,
        enqueued_at=job.created_at,
        started_at=times[0] if times else None,
        last_attempted_at=times[-1] if times else None,
        finished_at=job.finished_at,
        args=args,
        kwargs=kwargs,
        backend=task.backend,
        errors=_errors(job, has_failed=status == TaskResultStatus.FAILED),
        worker_ids=[run["worker"] for run in runs] + ([job.worker] if job.started_at else []),
        _return_value=None if job.return_value is None else loaded(job.return_value),
    )


def succeeded(result: JobResult, job: Job) -> JobResult:
    """Return the result of a run, which the job has completed, changed in place: nearly every run ends so."""
    changes = {"status": TaskResultStatus.SUCCESSFUL, "finished_at": job.finished_at}
    for name, value in changes.items():
        object.__setattr__(result, name, value)
    if job.return_value is not None:
        object.__setattr__(result, "_return_value", loaded(job.return_value))
    return result


def _as_enqueued(declared: Task, call: dict[str, Any]) -> Task:
    if not call and all(getattr(declared, name) == value for name, value in DEFAULTS.items()):
        return declared
    values = DEFAULTS | call | {"run_after": _time(call.get("run_after"))}
    changes = {name: value for name, value in values.items() if value != getattr(declared, name)}
    try:
        return replace(declared, **changes) if changes else declared
    except InvalidTask:  # its queue, for example, is gone since
        return declared


def _time(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def _status(job: Job) -> Any:
    if job.state == State.DONE:
        return TaskResultStatus.SUCCESSFUL
    if job.state not in UNFINISHED:
        return TaskResultStatus.FAILED
    return TaskResultStatus.RUNNING if job.state == State.WAITING and job.started_at else TaskResultStatus.READY


def _errors(job: Job, *, has_failed: bool) -> list[TaskError]:
    """Return the error of each run. Of the last there is a traceback; of the earlier ones the log has it."""
    earlier = [(run["error_class"], run["error"]) for run in job.earlier_runs or [] if run["error_class"]]
    last = [(job.error_class or NOT_RUN, job.traceback or job.error)] if has_failed else []
    return [TaskError(exception_class_path=path, traceback=text) for path, text in earlier + last]
