"""Read the envelopes in a Redis queue without trusting them.

kombu expects each item of the list to be its own JSON envelope. Anything else that somebody pushed there (`LPUSH fast
garbage`) makes the worker exit after the item has left the queue, so it is lost as well.
"""

import base64
import binascii
import json
import uuid
from collections.abc import Mapping
from typing import Any

from djcelery_jobs.brokers.body_size import largest_body

# The type of a body that holds an item which was not an envelope. Nothing decodes it, so it becomes a dead letter.
UNREADABLE = "application/x-not-an-envelope"
LARGEST_ITEM = 2  # times the largest body: base64 adds a third, and headers come on top


def well_formed(item: bytes | str, queue: str) -> bytes | str:
    """Return the item as it is when it is an envelope of an accepted size, and otherwise an envelope around it."""
    try:
        if len(item) <= LARGEST_ITEM * largest_body() and _is_envelope(json.loads(item)):
            return item
    except (ValueError, RecursionError):  # bytes that are not text, and numbers of 5,000 digits, are ValueErrors too
        pass
    return json.dumps(_wrapped(item.encode() if isinstance(item, str) else item, queue))


def _is_envelope(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("headers"), dict):
        return False
    properties = value.get("properties")
    if not isinstance(properties, dict) or not isinstance(properties.get("delivery_tag"), str):
        return False
    delivery = properties.get("delivery_info")
    if not isinstance(delivery, Mapping) or not all(
        isinstance(delivery.get(name), str) for name in ("exchange", "routing_key")
    ):
        return False
    texts = [value.get("content-type"), value.get("content-encoding"), properties.get("body_encoding")]
    return all(isinstance(text, str | None) for text in texts) and _is_body(value.get("body"), properties)


def _is_body(body: Any, properties: Mapping[str, Any]) -> bool:
    if not isinstance(body, str):
        return False
    encoding = (properties.get("body_encoding") or "utf-8").lower()
    if encoding != "base64":
        return encoding == "utf-8"
    try:
        base64.b64decode(body)
    except (binascii.Error, ValueError):
        return False
    return True


def _wrapped(item: bytes, queue: str) -> dict[str, Any]:
    return {
        "body": base64.b64encode(item).decode(),
        "content-encoding": "binary",
        "content-type": UNREADABLE,
        "headers": {},
        "properties": {
            "body_encoding": "base64",
            "delivery_info": {"exchange": "", "routing_key": queue},
            "delivery_tag": str(uuid.uuid4()),
        },
    }
