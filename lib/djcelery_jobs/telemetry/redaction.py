"""Hides what looks secret, before a person or another system sees it: on pages, in logs, in reports of errors.

It goes by names and by shapes, so it is a net and not a wall: a secret is best never put into a job's arguments.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import Any
from uuid import UUID

HIDDEN = "[hidden]"

# A name is secret when one of its words is here, or two that follow each other: `db_password`, `accessToken`.
WORDS = {
    *("authorization", "bearer", "card", "cookie", "credential", "credentials", "csrf", "cvc", "cvv", "dsn", "iban"),
    *("jwt", "passphrase", "passwd", "password", "passwort", "pin", "pwd", "secret", "secrets", "sessionid", "ssn"),
    *("signature", "token", "tokens", "csrfmiddlewaretoken", "csrftoken", "apikey", "secretkey", "accesstoken"),
}
PAIRS = {("api", "key"), ("private", "key"), ("access", "key"), ("encryption", "key"), ("session", "id")}

LENGTH = 1000  # characters of a text
ITEMS = 100  # of a list or a mapping
DEPTH = 8  # lists and mappings inside each other

_PLAIN = (bool, int, float, Decimal, date, time, timedelta, UUID, type(None))
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
# scheme://user:password@host. A password may hold an @, so the last one before the host counts.
_CREDENTIALS = re.compile(r"(?P<scheme>\b[a-z][a-z0-9+.-]{1,20}://)[^\s/\"'<>]+@", re.IGNORECASE)
# name=value, "name": "value", Name: value; with the names of WORDS and PAIRS only.
_NAMED = re.compile(r"([\w-]{1,60})[\"']?\s*(?:=>|[=:])\s*")
_VALUE = re.compile(
    r"\"(?:[^\"\\]|\\.)*\"?|'(?:[^'\\]|\\.)*'?|(?:(?:bearer|basic|token)\s+)?[^\s&,;\"'<>)\]}]+", re.IGNORECASE
)
_MARKS = re.compile(r"[:= ]")  # a text with none of these holds no secret that a shape would tell
_SCHEME = re.compile(r"\b(?P<scheme>bearer|basic)\s+[\w.~+/=-]{8,}", re.IGNORECASE)


def scrub(value: Any, *, length: int = LENGTH) -> Any:
    """A copy of `value` that holds nothing secret, as far as that can be told, and is not large.

    Numbers, dates and None stay as they are; any other object becomes its text. length: characters of each text.
    """
    return _scrub(value, length, DEPTH)


@lru_cache(maxsize=1000)  # each log line asks for the same few
def is_secret(name: str) -> bool:
    """Whether what goes by this name should be hidden."""
    words = [word.lower() for word in _WORD.findall(name[:200])]
    return not WORDS.isdisjoint(words) or any(pair in PAIRS for pair in pairwise(words))


def _scrub(value: Any, length: int, depth: int) -> Any:
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, str):
        return _text(value, length)
    if isinstance(value, bytes | bytearray):
        return f"[{len(value)} bytes]"
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return _inside(value, length, depth - 1) if depth else "…"
    return _text(_readable(value), length)


def _inside(value: Any, length: int, depth: int) -> Any:
    if isinstance(value, Mapping):
        kept = list(value.items())[:ITEMS]
        scrubbed = {
            _text(str(name), length): HIDDEN if is_secret(str(name)) and each else _scrub(each, length, depth)
            for name, each in kept
        }
        return scrubbed | ({"…": f"{len(value) - ITEMS} more"} if len(value) > ITEMS else {})
    kept = [_scrub(each, length, depth) for each in list(value)[:ITEMS]]
    return [*kept, f"… {len(value) - ITEMS} more"] if len(value) > ITEMS else kept


def _text(text: str, length: int) -> str:
    if len(text) <= length and not _MARKS.search(text):
        return text
    # Twice the length, or a secret that the cut runs through would not be known as one.
    shown = text[: 2 * length]
    if "://" in shown:
        shown = _CREDENTIALS.sub(rf"\g<scheme>{HIDDEN}@", shown)
    if ":" in shown or "=" in shown:
        shown = _without_values(shown)
    shown = _SCHEME.sub(rf"\g<scheme> {HIDDEN}", shown)
    if len(text) > 2 * length or len(shown) > length:
        return f"{shown[:length]}… ({len(text)} characters)"
    return shown


def _without_values(text: str) -> str:
    parts, end = [], 0
    for named in _NAMED.finditer(text):
        if named.start() < end or not is_secret(named[1]) or not (value := _VALUE.match(text, named.end())):
            continue
        quote = value[0][0] if value[0][0] in "\"'" else ""
        parts += [text[end : named.end()], quote, HIDDEN, quote]
        end = value.end()
    return "".join([*parts, text[end:]])


def _readable(value: Any) -> str:
    describe: Callable[[Any], str] = str if isinstance(value, BaseException) else repr
    try:
        return describe(value)
    except Exception:  # noqa: BLE001  whatever its author got wrong, it must not cost us the page or the line
        return f"[a {type(value).__name__}]"
