"""Read the options of one `@task`: from its decorator, from `job_options`, or from OPTIONS in the setting TASKS."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from string import Formatter
from typing import Any

from djcelery_jobs.core.tasks_api import Task

ATTRIBUTE = "job_options"  # of a function: what the decorator was given
PER_TASK = "tasks"  # the key of OPTIONS that holds a table of path: options
EVERY_TASK = "*"  # the path that stands for every task


@dataclass(frozen=True, kw_only=True)
class TaskOptions:
    """Hold the options of one task. None means that it was not given.

    max_attempts: largest number of attempts, the first one included, when transient errors occur.
    backoff: seconds before the second attempt. The pause doubles for each further one.
    one_transaction: whether the whole task is one transaction, in which the job also becomes done. True by default.
    key: text such as "reindex {page_id}", with names of arguments. At most one job with the same key waits to begin.
    timeout: seconds after which the run is interrupted, and tried again later.
    keep_result: whether the return value is stored, for `TaskResult.return_value`.
    """

    max_attempts: int | None = None
    backoff: float | None = None
    one_transaction: bool | None = None
    key: str | None = None
    timeout: float | None = None
    keep_result: bool | None = None

    def given(self) -> dict[str, Any]:
        """Return the options that were given."""
        return {name: value for name in NAMES if (value := getattr(self, name)) is not None}

    def key_of(self, arguments: Mapping[str, Any]) -> str | None:
        """Return the key of a job with these arguments, by name. Raise ValueError for any other name."""
        if self.key is None:
            return None
        try:
            return self.key.format_map(arguments)
        except (KeyError, IndexError, AttributeError) as error:
            raise ValueError(f"The key {self.key!r} names {error}, which is not an argument of the task.") from error


NAMES = [option.name for option in fields(TaskOptions)]
# Of each option: the types that it takes, how a person calls them, and the least value.
KINDS: dict[str, tuple[tuple[type, ...], str, float | None]] = {
    "max_attempts": ((int,), "a whole number of at least 1", 1),
    "backoff": ((int, float), "a number of seconds, at least 1", 1),
    "one_transaction": ((bool,), "True or False", None),
    "key": ((str,), "a text", None),
    "timeout": ((int, float), "a number of seconds, at least 1", 1),
    "keep_result": ((bool,), "True or False", None),
}


def problems(options: Any) -> Iterator[str]:
    """Yield a sentence for each option that does not exist or has a wrong value."""
    if not isinstance(options, Mapping):
        yield f"The options of a task must be a dictionary, got {options!r}."
        return
    for name, value in options.items():
        if name not in KINDS:
            yield f"There is no option {name!r}. Choose from {', '.join(NAMES)}."
            continue
        types, description, least = KINDS[name]
        is_wrong = not isinstance(value, types) or (isinstance(value, bool) and bool not in types)
        if value is not None and (is_wrong or (least is not None and value < least)):
            yield f"The option {name} must be {description}, got {value!r}."
    yield from _problems_of_key(options.get("key"))


def _problems_of_key(key: Any) -> Iterator[str]:
    try:
        list(Formatter().parse(key if isinstance(key, str) else ""))
    except ValueError as error:
        yield f"The key {key!r} is not a format: {error}."


def job_options(**options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Set the options of a `@task` on Django 6.0, where `@task` itself accepts none. Write it below `@task`.

    Raise TypeError for an option that does not exist or has a wrong value.
    """
    if problem := next(problems(options), None):
        raise TypeError(problem)

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        if isinstance(function, Task):
            raise TypeError(f"Write @job_options below @task, so that it decorates the function of {function.name}.")
        setattr(function, ATTRIBUTE, options)
        return function

    return decorate


def options_of(task: Task) -> TaskOptions:
    """Return the options of a task. What the setting says of its path wins, since it can name a third party's task."""
    configured = getattr(task.get_backend(), "options", {}).get(PER_TASK, {})
    in_code = {name: value for name in NAMES if (value := getattr(task, name, None)) is not None}
    merged = {
        **configured.get(EVERY_TASK, {}),
        **getattr(task.func, ATTRIBUTE, {}),
        **in_code,
        **configured.get(task.module_path, {}),
    }
    return TaskOptions(**merged)
