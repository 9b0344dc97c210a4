"""Read and check `DJCELERY_JOBS` in Django's settings, with a default for each setting."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from difflib import get_close_matches
from functools import cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

NAME = "DJCELERY_JOBS"


def _number(default: float, text: str, *, at_least: float = 0) -> Any:
    return field(default=default, metadata={"help": text, "at_least": at_least})


def _text(default: str, text: str, *, contains: str = "") -> Any:
    return field(default=default, metadata={"help": text, "contains": contains})


@dataclass(frozen=True, kw_only=True)
class JobsSettings:
    """Hold every setting of the job layer. Times are in seconds unless the name says otherwise.

    The fault suite runs with the defaults.
    """

    # Housekeeping
    KEPT_DAYS: int = _number(7, "Days to keep finished jobs. Dead jobs are kept until somebody discards them.")
    EFFECTS_KEPT_DAYS: int = _number(
        30, "Days to keep the keys of `effect_once`: longer than a message can take to come back.", at_least=1
    )
    OBSERVATIONS_KEPT_HOURS: int = _number(
        6, "Hours to keep the counts per minute, and the heartbeats of workers that are gone.", at_least=2
    )
    # Observation
    HEARTBEAT_FILE: str = _text("", "File that workers and beat touch while they work, for a liveness probe.")
    METRICS_TOKEN: str = _text("", "Bearer token for /metrics. If empty, only people who may view jobs get the page.")
    LOG_URL: str = _text(
        "",
        "URL of a search in your logs, with `{id}` in the place of the id. The page of a job links to it.",
        contains="{id}",
    )
    REPORT_INTERVAL: float = _number(5, "Seconds between two heartbeats of a worker.", at_least=0.1)
    STALE_AFTER: float = _number(30, "Seconds without a heartbeat after which a worker counts as gone.", at_least=1)
    STARVED_AFTER: float = _number(
        10, "Seconds that an idle worker may receive nothing while messages wait in its queues.", at_least=1
    )
    FAILURE_MAIL_PAUSE: float = _number(15 * 60, "Seconds between two mails about the same failure.")
    # Jobs
    MAX_ARGUMENT_BYTES: int = _number(64 * 1024, "Largest size of a job's arguments in bytes.", at_least=1)
    MAX_RESULT_BYTES: int = _number(64 * 1024, "Largest return value that the row of a `@task` keeps.", at_least=1)
    MAX_REDELIVERIES: int = _number(
        3,
        "How often a job that kills its process is delivered again. If it were fewer, jobs beside it would die too.",
        at_least=3,
    )
    SUSPECT_STARTS: int = _number(
        2, "Number of cut-off runs after which a worker no longer runs the job beside another such job.", at_least=1
    )
    RUN_GRACE: float = _number(5, "Seconds after the hard limit until an unfinished run counts as dead.", at_least=1)
    JUST_BEGUN: float = _number(
        5, "Seconds that a run in one transaction may take from its start to its lock on the row.", at_least=1
    )
    # Publishing again
    REPUBLISH_AFTER: float = _number(
        60, "Longest time that a published job waits for a worker before it is published again.", at_least=1
    )
    REPUBLISH_DOUBLINGS: int = _number(6, "How often that time doubles while no worker takes the job.")
    RETURNED_MESSAGE_WAIT: float = _number(
        60, "Seconds until a durable job is published again after a worker could not run its message."
    )
    DEPLOY_WAIT: float = _number(600, "Seconds that a job waits for a deploy while no worker knows its task.")
    # Beat
    BEAT_LEASE: float = _number(
        15,
        "Seconds until another beat replaces one that was killed: several times CELERY_BEAT_MAX_LOOP_INTERVAL.",
        at_least=1,
    )
    BEAT_STANDBY: float = _number(2, "Seconds between two attempts of a standby beat to take the lock.", at_least=0.1)
    # Broker outages
    BROKER_PROBE_INTERVAL: float = _number(1, "Seconds between two probes for a broker that is down.", at_least=0.1)
    BROKER_RECONNECT_INTERVAL: float = _number(
        4, "Longest time between two attempts of a worker to reconnect to the broker.", at_least=1
    )


@cache
def _loaded() -> JobsSettings:
    configured = getattr(settings, NAME, {})
    if problem := next(problems(configured), None):
        raise ImproperlyConfigured(problem)
    return JobsSettings(**configured)


class _Current:
    """Give the attributes of JobsSettings as Django's settings have them now.

    Raise ImproperlyConfigured at the first access when a value is invalid.
    """

    def __getattr__(self, name: str) -> Any:
        return getattr(_loaded(), name)


jobs_settings: Any = _Current()


def problems(configured: Any) -> Iterator[str]:
    """Yield a sentence for each mistake in `DJCELERY_JOBS`: unknown names, wrong types, values out of bounds."""
    if not isinstance(configured, Mapping):
        yield f"{NAME} must be a dictionary, got {type(configured).__name__}."
        return
    known = {known_field.name: known_field for known_field in fields(JobsSettings)}
    for name, value in configured.items():
        if name not in known:
            close = get_close_matches(str(name), known, n=1)
            yield f"{NAME} has no setting {name!r}." + (f" Did you mean {close[0]}?" if close else "")
        elif problem := _problem(known[name], value):
            yield f"{NAME}[{name!r}] {problem}"
    yield from _conflicts(configured, known)


KINDS: dict[Any, tuple[str, tuple[type, ...]]] = {
    str: ("a string", (str,)),
    int: ("an integer", (int,)),
    float: ("a number", (int, float)),
}


def _problem(known: "Field[Any]", value: Any) -> str:
    expected, types = KINDS[known.type]
    if not isinstance(value, types) or isinstance(value, bool):
        return f"must be {expected}, got {value!r}."
    if isinstance(value, float) and not math.isfinite(value):
        return f"must be a finite number, got {value!r}."
    if value and isinstance(value, str) and known.metadata.get("contains", "") not in value:
        return f"must contain {known.metadata['contains']}, got {value!r}."
    if "at_least" in known.metadata and value < known.metadata["at_least"]:
        return f"must be at least {known.metadata['at_least']:g}, got {value!r}."
    return ""


def _conflicts(configured: Mapping[str, Any], known: Mapping[str, "Field[Any]"]) -> Iterator[str]:
    """Yield a sentence for each pair of valid values that contradict each other."""
    values = {name: configured.get(name, known_field.default) for name, known_field in known.items()}
    if any(_problem(known_field, values[name]) for name, known_field in known.items()):
        return
    for smaller, larger in (
        ("SUSPECT_STARTS", "MAX_REDELIVERIES"),
        ("REPORT_INTERVAL", "STALE_AFTER"),
        ("BEAT_STANDBY", "BEAT_LEASE"),
    ):
        if not values[smaller] < values[larger]:
            yield f"{NAME}[{smaller!r}] must be below {larger}, got {values[smaller]!r} and {values[larger]!r}."


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == NAME:
        _loaded.cache_clear()


setting_changed.connect(_forget, dispatch_uid="djcelery_jobs.conf")
