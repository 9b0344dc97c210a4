"""Keep messages that no task can be run for, so that somebody can look at them."""

import logging
import uuid
from collections.abc import Mapping
from typing import Any

from celery import current_app
from django.db import InterfaceError, OperationalError
from kombu import Message

from djcelery_jobs.brokers.body_size import is_too_large
from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.core import ledger
from djcelery_jobs.models import UNFINISHED, Job, State, job_id, subject
from djcelery_jobs.storable import shown, text

logger = logging.getLogger(__name__)

UNKNOWN = "unknown"
SHOWN_OF_LARGE = 1_000  # bytes of a body that is too large to be decoded
LONGEST_TASK, LONGEST_QUEUE = 200, 100  # characters that a row holds


def keep(message: Message, error: str) -> bool:
    """Keep the message as a dead letter. Return False when the database cannot take it now.

    Does not raise, whatever the message holds. A message of a durable job whose row is unfinished is not kept: the
    relay publishes the job again from its row.
    """
    try:
        return _keep(message, error)
    except (OperationalError, InterfaceError):
        logger.exception("could not keep a message: %s", error)
        return False
    except Exception:
        logger.exception("could not keep a message as it is: %s", error)
        return _keep_as_text(message, error)


def _keep(message: Message, error: str) -> bool:
    headers = message.headers if isinstance(message.headers, Mapping) else {}
    task = text(str(headers.get("task") or UNKNOWN))[:LONGEST_TASK]
    task_id = text(str(headers.get("id") or uuid.uuid4()))
    args, kwargs = _call(message)
    row = Job.objects.filter(pk=job_id(task_id)).first()
    if row and row.task == task and row.state in (*UNFINISHED, State.DONE):
        ledger.publish_now([row.pk], seconds=jobs_settings.RETURNED_MESSAGE_WAIT)
        return True
    args, kwargs = shown(args), shown(kwargs)
    is_same_letter = row and row.state == State.DEAD and (row.task, row.args, row.kwargs) == (task, args, kwargs)
    if row and not is_same_letter:  # an id can be anybody's: what is there is not overwritten
        task_id = str(uuid.uuid4())
    ledger.record_failure(
        job_id(task_id), error=error, trace="", task=task, args=args, kwargs=kwargs, subject=subject(args, kwargs),
        queue=_queue(message, task),
    )  # fmt: skip
    _log(task_id, task, error)
    return True


def _keep_as_text(message: Message, error: str) -> bool:
    """Keep the message in the plainest form that there is."""
    task_id = uuid.uuid4()
    try:
        body, queue = shown([_as_text(message.body)]), _queue(message, UNKNOWN)
        ledger.record_failure(
            task_id, error=error, trace="", task=UNKNOWN, args=body, kwargs={}, subject="", queue=queue
        )
    except Exception:
        logger.exception("could not keep a message: %s", error)
        return False
    _log(str(task_id), UNKNOWN, error)
    return True


def _log(task_id: str, task: str, error: str) -> None:
    ledger.failure.error("task_failure", extra={"task_id": task_id, "task": task, "error": error})


def _call(message: Message) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments, or the body as it came where it holds none."""
    if is_too_large(message.body):
        return [_as_text(message.body[:SHOWN_OF_LARGE])], {}
    try:
        args, kwargs, _ = message.decode()
    except Exception:  # noqa: BLE001  whatever it is, it is shown as it came
        return [_as_text(message.body)], {}
    if isinstance(args, list | tuple) and isinstance(kwargs, dict) and all(isinstance(name, str) for name in kwargs):
        return list(args), kwargs
    return [_as_text(message.body)], {}


def _as_text(body: Any) -> str:
    return bytes(body).decode("utf-8", "replace") if isinstance(body, bytes | bytearray | memoryview) else str(body)


def _queue(message: Message, task: str) -> str:
    """Return the queue that the message came by; RabbitMQ's dead queue stands for the queue before it."""
    delivery = message.delivery_info if isinstance(message.delivery_info, Mapping) else {}
    key = delivery.get("routing_key")
    if not isinstance(key, str) or not key:
        return current_app.amqp.router.route({}, task)["queue"].name
    return text(key.removesuffix(".dead"))[:LONGEST_QUEUE]
