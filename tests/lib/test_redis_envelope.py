"""Test that each item of a Redis queue becomes a message, whatever it is."""

import base64
import json

import pytest
from kombu.transport.virtual import Message
from kombu.transport.virtual.base import Channel

from djcelery_jobs.brokers.redis_envelope import UNREADABLE, well_formed
from tests.lib.hostile import ENVELOPE, ITEMS


def test_an_envelope_stays_as_it_is():
    item = json.dumps(ENVELOPE).encode()

    assert well_formed(item, "fast") is item


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: repr(item)[:40])
def test_anything_else_is_put_into_one(item):
    envelope = json.loads(well_formed(item, "fast"))

    message = Message(envelope, channel=_Channel())
    assert message.content_type == UNREADABLE
    assert message.delivery_info["routing_key"] == "fast"
    assert base64.b64decode(envelope["body"]) == item
    assert message.body == item or item == b""
    assert len(ITEMS) >= 30


class _Channel:
    """Stand in for a channel, as far as it decodes a body."""

    codecs, decode_body = Channel.codecs, Channel.decode_body
