"""Hide secrets before a person or another system sees them: on pages, in logs, in reports of errors.

Names and shapes decide, so this is a net and not a wall: a secret is best never put into a job's arguments.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import Any
from uuid import UUID

from djcelery_jobs.telemetry.secret_shapes import HIDDEN, hide_shapes

# A name is secret when one of its words is here, or two that follow each other: `db_password`, `accessToken`.
WORDS = {
    *("authorization", "bearer", "card", "cookie", "cred", "creds", "credential", "credentials", "csrf", "cvc", "cvv"),
    *("dsn", "iban", "jwt", "otp", "passcode", "passphrase", "passwd", "password", "passwords", "passwort", "pin"),
    *("pswd", "pw", "pwd", "kennwort", "secret", "secrets", "sessionid", "sessid", "ssn", "sig", "signature", "token"),
    *("tokens", "totp", "csrfmiddlewaretoken", "csrftoken", "apikey", "secretkey", "accesstoken", "accesskey"),
    *("accountkey", "authkey", "privatekey", "pan", "mnemonic", "passkey", "webhook"),
}
PAIRS = {
    *(("api", "key"), ("private", "key"), ("access", "key"), ("encryption", "key"), ("session", "id")),
    *(("account", "key"), ("signing", "key"), ("auth", "key"), ("shared", "key"), ("master", "key"), ("ssh", "key")),
    *(("recovery", "code"), ("backup", "codes"), ("verification", "code"), ("security", "code"), ("one", "time")),
    *(("license", "key"), ("service", "key"), ("storage", "key"), ("seed", "phrase"), ("card", "number")),
}
# Written as one word: `PGPASSWORD`, `dbpass`.
ENDINGS = ("password", "passwd", "passphrase", "secret", "apikey", "passwort", "pwd", "authtoken", "accesstoken")
LAST_WORDS = {"auth", "pass"}  # secret only where the name ends with them
NOT_PASSWORDS = ("bypass", "compass", "encompass", "overpass", "surpass", "trespass", "underpass")
# After a secret word, these make the name that of something about the secret.
HARMLESS_ENDS = set(
    "age attempts at brand budget changed consent count counts date enabled expired expires expiry field fields "
    "id ids kind label length limit limits max min name names policy required reset size status strength total ttl "
    "type types url uri usage used valid verified version".split()
)
AMOUNTS = set("completion input max min num number output prompt total used".split())  # before `tokens`

LENGTH = 1000  # characters of a text
ITEMS = 100  # of a list or a mapping
DEPTH = 8  # lists and mappings inside each other

_PLAIN = (bool, int, float, Decimal, date, time, timedelta, UUID, type(None))
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
# name=value, "name": "value", Name: value, and the same inside of a JSON text inside of another.
_NAMED = re.compile(r"([\w.-]{1,60})(?:\\*[\"'])?\s*(?:=>|:=|[=:])\s*")
_QUOTE = re.compile(r"\A\\*[\"']")
_VALUE = re.compile(
    r"(?P<slashes>\\+)\"(?:(?!(?P=slashes)\").)*(?P=slashes)\""
    r"|[bru]?\"(?:[^\"\\]|\\.)*\"?|[bru]?'(?:[^'\\]|\\.)*'?"
    r"|\([^()\n]{0,200}\)|\[(?!hidden\])[^\[\]\n]{0,200}\]"
    r"|(?:(?:bearer|basic|digest|token)\s+)?[^\s&,;\"'<>)\]}]+",
    re.IGNORECASE,
)


def scrub(value: Any, *, length: int = LENGTH) -> Any:
    """Return a copy of `value` without secrets, as far as they can be recognised, that is not large.

    Numbers, dates and None stay as they are; any other object becomes its text. length: characters of each text.
    """
    return _scrub(value, length, DEPTH)


@lru_cache(maxsize=1000)  # each log line asks for the same few
def is_secret(name: str) -> bool:
    """Return whether what goes by this name should be hidden."""
    words = [word.lower() for word in _WORD.findall(name[:200])]
    if not words or (len(words) > 1 and words[-1] in HARMLESS_ENDS and words[-2:] != ["session", "id"]):
        return False
    if words[-1] == "tokens" and not AMOUNTS.isdisjoint(words):
        return False
    if words[-1] in LAST_WORDS or any(pair in PAIRS for pair in pairwise(words)):
        return True
    return any(word in WORDS or _ends_like_a_secret(word) for word in words)


def _ends_like_a_secret(word: str) -> bool:
    return word.endswith(ENDINGS) or (word.endswith("pass") and word != "pass" and word not in NOT_PASSWORDS)


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
            _text(str(name), length): HIDDEN if is_secret(str(name)) and item else _scrub(item, length, depth)
            for name, item in kept
        }
        return scrubbed | ({"…": f"{len(value) - ITEMS} more"} if len(value) > ITEMS else {})
    kept = [_scrub(item, length, depth) for item in list(value)[:ITEMS]]
    return [*kept, f"… {len(value) - ITEMS} more"] if len(value) > ITEMS else kept


def _text(text: str, length: int) -> str:
    # Twice the length, or a secret that the cut runs through would not be known as one.
    shown = hide_shapes(text[: 2 * length], is_secret)
    if ":" in shown or "=" in shown:
        shown = _without_values(shown)
    if len(text) > 2 * length or len(shown) > length:
        return f"{shown[:length]}… ({len(text)} characters)"
    return shown


def _without_values(text: str) -> str:
    parts, end = [], 0
    for named in _NAMED.finditer(text):
        if named.start() < end or not is_secret(named[1]) or text.startswith(HIDDEN, named.end()):
            continue
        if not (value := _VALUE.match(text, named.end())) or value[0].strip("\\\"'") in ("", HIDDEN):
            continue
        quote = "".join(_QUOTE.findall(value[0])[:1])
        parts += [text[end : named.end()], quote, HIDDEN, quote]
        end = value.end()
    return "".join([*parts, text[end:]])


def _readable(value: Any) -> str:
    describe: Callable[[Any], str] = str if isinstance(value, BaseException) else repr
    try:
        return describe(value)
    except Exception:  # noqa: BLE001  whatever its author got wrong, it must not cost us the page or the line
        return f"[a {type(value).__name__}]"
