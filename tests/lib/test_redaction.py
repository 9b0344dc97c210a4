"""Test that what looks secret is hidden, and everything else stays as it is."""

import json
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from djcelery_jobs.telemetry.redaction import DEPTH, HIDDEN, ITEMS, is_secret, scrub

SECRET = (
    "password db_password newPassword API_KEY api-key apiKey x-api-key Authorization token access_token refreshToken "
    "client_secret aws_secret_access_key card_number creditCard cvv iban pin private_key SENTRY_DSN Set-Cookie "
    "sessionid csrfmiddlewaretoken"
)
HARMLESS = (
    "order_id key keys primary_key discard postcard_size shipping passenger tokenizer monkey author message_id session "
    "email quantity"
)


@pytest.mark.parametrize("name", SECRET.split())
def test_secret_names(name):
    assert is_secret(name)
    assert scrub({name: "value"}) == {name: HIDDEN}
    assert scrub(f"{name}=value") == f"{name}={HIDDEN}"


@pytest.mark.parametrize("name", HARMLESS.split())
def test_other_names(name):
    assert not is_secret(name)
    assert scrub({name: "value"}) == {name: "value"}
    assert scrub(f"{name}=value") == f"{name}=value"


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("redis://:hunter2@broker:6379/0", "redis://[hidden]@broker:6379/0"),
        ("amqps://app:p@ss@broker//", "amqps://[hidden]@broker//"),
        ("see https://example.com/a@b for it", "see https://example.com/a@b for it"),
        ("GET /reset?token=abc&page=2", "GET /reset?token=[hidden]&page=2"),
        ('{"password": "with space, \\" and quote", "a": 1}', '{"password": "[hidden]", "a": 1}'),
        ("{'api_key': 'abc', 'order': 7}", "{'api_key': '[hidden]', 'order': 7}"),
        ("Authorization: Bearer abc.def.ghi", "Authorization: [hidden]"),
        ("sent with Bearer abcdefgh.ijk", "sent with Bearer [hidden]"),
        ("Password => hunter2, and more", "Password => [hidden], and more"),
        ("ValueError: password=hunter2", "ValueError: password=[hidden]"),
        ("order 7: done", "order 7: done"),
    ],
)
def test_secrets_inside_a_text(text, scrubbed):
    assert scrub(text) == scrubbed


def test_what_is_nested_is_found():
    seen = scrub({"orders": [{"id": 7, "card": {"number": "4111"}}, ("a", {"password": "x"})]})

    assert seen == {"orders": [{"id": 7, "card": HIDDEN}, ["a", {"password": HIDDEN}]]}


def test_what_is_empty_is_not_hidden():
    assert scrub({"password": "", "token": None}) == {"password": "", "token": None}


def test_plain_values_stay_themselves():
    values = [1, 2.5, True, None, Decimal("9.90"), date(2026, 1, 2)]

    assert scrub(values) == values


def test_other_objects_become_text():
    class Unreadable:
        def __repr__(self) -> str:
            raise RuntimeError

    assert scrub(ValueError("password=x")) == f"password={HIDDEN}"
    assert scrub(range(3)) == "range(0, 3)"
    assert scrub(b"\x00secret") == "[7 bytes]"
    assert scrub(Unreadable()) == "[a Unreadable]"


def test_sizes_are_bounded():
    assert scrub("x" * 5000, length=10) == "xxxxxxxxxx… (5000 characters)"
    assert scrub(list(range(ITEMS + 5)))[-1] == "… 5 more"
    assert scrub(dict.fromkeys(range(ITEMS + 5)))["…"] == "5 more"
    deep: list[object] = []
    for _ in range(DEPTH + 1):
        deep = [deep]
    assert json.dumps(scrub(deep), ensure_ascii=False).strip("[]") == '"…"'


def test_a_cut_shows_no_half_of_a_secret():
    assert "hunter2" not in scrub("redis://:hunter2@broker", length=16)


VALUES = st.none() | st.integers() | st.text(max_size=50)


@settings(max_examples=30)
@given(st.recursive(VALUES, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=50), inner)))
def test_it_takes_whatever_json_can_hold_and_changes_nothing_the_second_time(value):
    once = scrub(value)

    json.dumps(once)
    assert scrub(once) == once
