"""Check the options of a dispatch where they enter, so that an error names the option and not a line of Celery."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from numbers import Integral, Real
from typing import Any

# Of each option: the types that it takes, and how a person calls them.
TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "countdown": ((Real,), "a number of seconds"),
    "eta": ((datetime,), "a datetime"),
    "expires": ((Real, datetime), "a number of seconds or a datetime"),
    "time_limit": ((Real,), "a number of seconds"),
    "soft_time_limit": ((Real,), "a number of seconds"),
    "priority": ((Integral,), "a whole number"),
}


def option_problems(options: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each option of `apply_async` that has a value of a wrong type."""
    for name, (types, description) in TYPES.items():
        value = options.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, types)):
            yield f"The option {name} must be {description}, got {value!r}."


def check_options(task_name: str, options: Mapping[str, Any]) -> None:
    """Raise TypeError for the first option that has a value of a wrong type."""
    if problem := next(option_problems(options), None):
        raise TypeError(f"{task_name}: {problem}")
