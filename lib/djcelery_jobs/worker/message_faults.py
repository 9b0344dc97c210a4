"""Say what is wrong with a message before Celery trusts it.

Celery takes the types of headers and body as given. A message from another producer, or from somebody hostile, can make
the worker's main process raise where nothing catches it: the worker exits, the message goes back, and the next worker
exits over it too. So every part that the main process reads is looked at here first.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from celery import current_app
from celery.app.task import Context
from celery.canvas import maybe_signature
from celery.utils.time import maybe_iso8601
from kombu import Message

from djcelery_jobs.brokers.body_size import is_too_large, largest_body
from djcelery_jobs.brokers.queue_lengths import WAITS_SINCE
from djcelery_jobs.core.dispatch_options import option_problems
from djcelery_jobs.core.ledger import FOLLOWERS

LONGEST_NAME = 255  # characters of an id or a task's name
TEXTS = tuple("root_id parent_id group shadow lang origin argsrepr kwargsrepr meth reply_to correlation_id".split())
NUMBERS = ("retries", "replaced_task_nesting", "group_index")
MAPPINGS = ("stamps", "headers", "__django_structlog__")
# What the main process sets itself, also where a header has the name.
SET_BY_CELERY = set("properties hostname delivery_info args kwargs called_directly".split())
OTHERS = set("id task eta expires timelimit stamped_headers ignore_result utc callbacks errbacks chain chord".split())
PROTOCOL = {*TEXTS, *NUMBERS, *MAPPINGS, *SET_BY_CELERY, *OTHERS, "taskset"}
# Where Celery's own tasks hold the tasks that they are made of.
MEMBERS = {"celery.chain": ("tasks",), "celery.group": ("tasks",), "celery.chord": ("header", "body")}
# Attributes of a running request. A header with such a name would replace it, and make the run seem what it is not.
RESERVED = ({*dir(Context), "begun", "began", "outer_context", "cancellation_look", "waited"}) - PROTOCOL


def find(message: Message) -> str:
    """Return what is wrong with the message, or nothing. Raise what decoding it raises."""
    if not isinstance(message.headers, Mapping):
        return "Its headers are not a mapping."
    if is_too_large(message.body):
        return f"Its body has {len(message.body)} bytes, and {largest_body()} are accepted."
    payload = message.payload
    if isinstance(payload, Mapping):  # protocol 1, or both at once
        return next(_of_protocol_1(message.headers, payload), "")
    return next(_of_protocol_2(message.headers, payload), "")


def _of_protocol_1(headers: Mapping[Any, Any], payload: Mapping[Any, Any]) -> Iterator[str]:
    fields = {**payload, **headers}
    yield from _of_fields(fields)
    yield from _of_call(payload.get("args", []), payload.get("kwargs", {}), payload)


def _of_protocol_2(headers: Mapping[Any, Any], payload: Any) -> Iterator[str]:
    yield from _of_fields(headers)
    if not isinstance(payload, list | tuple) or len(payload) != 3:
        yield "Its body is not a list of arguments, keyword arguments and options."
    else:
        yield from _of_call(*payload)


def _of_call(args: Any, kwargs: Any, embed: Any) -> Iterator[str]:
    if not isinstance(args, list | tuple):
        yield "Its arguments are not a list."
    if not _is_mapping(kwargs):
        yield "Its keyword arguments are not a mapping with names."
    if not isinstance(embed, Mapping | None):
        yield "The options in its body are not a mapping."
        return
    for name in ("callbacks", "errbacks", "chain"):
        signatures = (embed or {}).get(name)
        if not isinstance(signatures, list | tuple | None):
            yield f"Its {name} are not a list of tasks."
        for signature in signatures or ():
            yield from _of_follower(name, signature)
    chord = (embed or {}).get("chord")
    if chord is not None:
        yield from _of_follower("chord", chord)


def _of_follower(name: str, signature: Any) -> Iterator[str]:
    """Yield what is wrong with a task that follows this one; Celery would find out only after this one ran."""
    if not isinstance(signature, Mapping) or not isinstance(task := signature.get("task"), str):
        yield f"Its {name} are not a list of tasks."
        return
    options = signature.get("options") or {}
    if not isinstance(signature.get("args"), list | tuple | None) or not all(
        value is None or _is_mapping(value) for value in (signature.get("kwargs"), signature.get("options"))
    ):
        yield f"Of its {name}, {task} has arguments or options of a wrong type."
        return
    yield from (f"Of its {name}, {task}: {problem}" for problem in option_problems(_without_iso_times(options)))
    if task not in current_app.tasks and options.get("queue") not in current_app.amqp.queues:
        yield f"Of its {name}, no task is called {task}, and it names no queue of another program."
    kwargs = signature.get("kwargs") or {}
    for member in [*_listed(kwargs, MEMBERS.get(task, ())), *_listed(options, FOLLOWERS)]:
        yield from _of_follower(name, member)
    maybe_signature(dict(signature), app=current_app)  # what else is wrong with it raises here


def _listed(values: Mapping[str, Any], names: Iterable[str]) -> list[Any]:
    """Return what is under these names, each of which holds a list or one item."""
    found = [values[name] for name in names if values.get(name) is not None]
    return [item for value in found for item in (value if isinstance(value, list | tuple) else [value])]


def _without_iso_times(options: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out times that are texts, as in every message; Celery reads them."""
    return {
        name: value
        for name, value in options.items()
        if name not in ("eta", "expires") or not (isinstance(value, str) and _is_moment(value))
    }


def _of_fields(fields: Mapping[Any, Any]) -> Iterator[str]:
    for name in ("task", "id"):
        if not isinstance(value := fields.get(name), str) or not 0 < len(value) <= LONGEST_NAME:
            yield f"Its header {name} is missing or is not a short text."
    for name in fields:
        if not isinstance(name, str) or name in RESERVED:
            yield f"It has a header {name!r}, which is reserved."
    for name in TEXTS:
        if not isinstance(fields.get(name), str | None):
            yield f"Its header {name} is not a text."
    for name in NUMBERS:
        value = fields.get(name)
        if not isinstance(value, int | None) or isinstance(value, bool) or (value or 0) < 0:
            yield f"Its header {name} is not a whole number."
    for name in MAPPINGS:
        if fields.get(name) is not None and not _is_mapping(fields[name]):
            yield f"Its header {name} is not a mapping with names."
    stamped = fields.get("stamped_headers")
    if not isinstance(stamped, list | tuple | None) or not all(isinstance(name, str) for name in stamped or ()):
        yield "Its header stamped_headers is not a list of names."
    if not isinstance(fields.get("ignore_result"), bool | None):
        yield "Its header ignore_result is neither true nor false."
    if fields.get("timelimit") is not None and not _are_limits(fields["timelimit"]):
        yield "Its header timelimit is not a pair of seconds."
    if WAITS_SINCE in fields and not _is_amount(fields[WAITS_SINCE]):
        yield f"Its header {WAITS_SINCE} is not a time."
    for name in ("eta", "expires"):
        if not _is_moment(fields.get(name)):
            yield f"Its header {name} is not a date with a time."


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(name, str) for name in value)


def _are_limits(value: Any) -> bool:
    if not isinstance(value, list | tuple) or len(value) != 2:
        return False
    return all(limit is None or _is_amount(limit) for limit in value)


def _is_amount(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0


def _is_moment(value: Any) -> bool:
    """Return whether Celery can compute with it; far from now its arithmetic of time zones overflows."""
    if value is None:
        return True
    if not isinstance(value, str):
        return False
    try:
        moment = maybe_iso8601(value)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return datetime(1971, 1, 1, tzinfo=UTC) < aware < datetime(9000, 1, 1, tzinfo=UTC)
    except (AttributeError, ValueError, TypeError, OverflowError):
        return False
