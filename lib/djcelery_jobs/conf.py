"""The settings of the job layer: `DJCELERY_JOBS` in Django's settings, checked, with a default for each."""

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


def _text(default: str, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True, kw_only=True)
class JobsSettings:
    """Hold every setting of the job layer. Times are in seconds unless the name says otherwise.

    A default that is a whole number takes whole numbers only. The defaults are what the fault suite is run with.
    """

    # Housekeeping
    KEPT_DAYS: int = _number(7, "Days that finished jobs are kept. Dead jobs are kept until somebody discards them.")
    EFFECTS_KEPT_DAYS: int = _number(
        30, "Days that the keys of `effect_once` are kept: longer than a message can still come back.", at_least=1
    )
    OBSERVATIONS_KEPT_HOURS: int = _number(
        6, "Hours that counts per minute and heartbeats of workers that are gone are kept.", at_least=2
    )
    # Observation
    HEARTBEAT_FILE: str = _text("", "File that a worker and beat touch while they do their work, for a probe.")
    METRICS_TOKEN: str = _text("", "Bearer token of /metrics. Without it, only people who may view jobs get the page.")
    REPORT_INTERVAL: float = _number(5, "Seconds between two heartbeats of a worker in the database.", at_least=0.1)
    STALE_AFTER: float = _number(30, "Seconds without a heartbeat after which a worker counts as gone.", at_least=1)
    STARVED_AFTER: float = _number(
        10, "Seconds that an idle worker may receive nothing while messages wait for it.", at_least=1
    )
    FAILURE_MAIL_PAUSE: float = _number(15 * 60, "Seconds without a second mail about the same failure.")
    # Jobs
    MAX_ARGUMENT_BYTES: int = _number(64 * 1024, "Bytes that the arguments of a job may take.", at_least=1)
    MAX_REDELIVERIES: int = _number(
        3,
        "How often a job that kills its process comes back. Below 3, innocent jobs beside it would be given up too.",
        at_least=3,
    )
    SUSPECT_STARTS: int = _number(
        2, "After so many starts that no run ended, a worker runs the job beside no other such job.", at_least=1
    )
    RUN_GRACE: float = _number(5, "Seconds after the hard limit until a run without an end counts as dead.", at_least=1)
    JUST_BEGUN: float = _number(
        5, "Seconds that a run of one transaction may take from its start to its lock on the row.", at_least=1
    )
    # Publishing again
    REPUBLISH_AFTER: float = _number(
        60, "Seconds that a published job waits for a worker, at most, before it is published once more.", at_least=1
    )
    REPUBLISH_DOUBLINGS: int = _number(6, "How often that time doubles while no worker takes the job.")
    RETURNED_MESSAGE_WAIT: float = _number(
        60, "Seconds until a durable job is published again whose message no worker could run."
    )
    DEPLOY_WAIT: float = _number(600, "Seconds that a job waits for a deploy while no process knows its task.")
    # Beat
    BEAT_LEASE: float = _number(
        15,
        "Seconds after which a beat that was killed is replaced. Several times CELERY_BEAT_MAX_LOOP_INTERVAL.",
        at_least=1,
    )
    BEAT_STANDBY: float = _number(
        2, "Seconds between two attempts of a beat that stands by to take the lock.", at_least=0.1
    )
    # A broker that is away
    BROKER_PROBE_INTERVAL: float = _number(1, "Seconds between two looks for a broker that took no job.", at_least=0.1)
    BROKER_RECONNECT_INTERVAL: float = _number(
        4, "Seconds between two attempts of a worker to reach a broker that is away, at most.", at_least=1
    )


@cache
def _loaded() -> JobsSettings:
    given = getattr(settings, NAME, {})
    if problem := next(problems(given), None):
        raise ImproperlyConfigured(problem)
    return JobsSettings(**given)


class _Current:
    """Give the attributes of JobsSettings as Django's settings have them now.

    Raises ImproperlyConfigured for a bad value, when the first of them is read.
    """

    def __getattr__(self, name: str) -> Any:
        return getattr(_loaded(), name)


jobs_settings: Any = _Current()


def problems(given: Any) -> Iterator[str]:
    """Yield a sentence for each mistake in `DJCELERY_JOBS`: unknown names, wrong types, values out of bounds."""
    if not isinstance(given, Mapping):
        yield f"{NAME} must be a dictionary, got {type(given).__name__}."
        return
    known = {known_field.name: known_field for known_field in fields(JobsSettings)}
    for name, value in given.items():
        if name not in known:
            close = get_close_matches(str(name), known, n=1)
            yield f"{NAME} has no setting {name!r}." + (f" Did you mean {close[0]}?" if close else "")
        elif problem := _problem(known[name], value):
            yield f"{NAME}[{name!r}] {problem}"
    yield from _conflicts(given, known)


KINDS: dict[Any, tuple[str, tuple[type, ...]]] = {
    str: ("a text", (str,)),
    int: ("a whole number", (int,)),
    float: ("a number", (int, float)),
}


def _problem(known: "Field[Any]", value: Any) -> str:
    wanted, kinds = KINDS[known.type]
    if not isinstance(value, kinds) or isinstance(value, bool):
        return f"must be {wanted}, got {value!r}."
    if "at_least" in known.metadata and not value >= known.metadata["at_least"]:
        return f"must be at least {known.metadata['at_least']:g}, got {value!r}."
    return ""


def _conflicts(given: Mapping[str, Any], known: Mapping[str, "Field[Any]"]) -> Iterator[str]:
    """Yield what is wrong between two values, each of which is right by itself."""
    values = {name: given.get(name, known_field.default) for name, known_field in known.items()}
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
