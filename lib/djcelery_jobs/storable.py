"""Convert arguments and errors to what a database holds, and back. Arguments are in Celery's JSON, with its marks."""

import json
import math
import re
from typing import Any, NoReturn

from kombu.utils import json as kombu_json

# Matches in JSON a NUL, and half of a surrogate pair, as file names that are not UTF-8 have; not a backslash that is
# followed by the word. No text in PostgreSQL can hold them.
NOT_STORABLE = re.compile(r"(?<!\\)((?:\\\\)*)(?:(\\ud[89ab]..\\ud[c-f]..)|\\u0000|\\ud[89a-f]..)")

MARK = "__type__"  # in each of Celery's marks; JSON without it means the same to every decoder


def stored(value: Any) -> Any:
    """Return a value as JSON that every database gives back unchanged; loaded() is the inverse.

    Raise ValueError for what not every database holds: NaN, an infinity, or a NUL in a text. Also for what looks like a
    mark of Celery's, such as {"__type__": "uuid", ...}, and cannot be loaded.
    """
    if value == [] or value == {}:
        return value
    dumped = kombu_json.dumps(value)
    if any(not pair for _, pair in NOT_STORABLE.findall(dumped)):
        _refuse("a NUL, or bytes that are not text,")
    document = _unchanging(json.loads(dumped, parse_constant=_refuse))
    if MARK not in dumped:
        return document
    try:
        loaded(document)
    except Exception as error:  # whatever the decoder of that type raises
        message = f"An argument has a __type__ of Celery's JSON and cannot be read back: {error_text(error)}"
        raise ValueError(message) from error
    return document


def loaded(document: Any) -> Any:
    """Return the value that stored() was given. Raise what the decoder of a mark raises."""
    dumped = json.dumps(document)
    return kombu_json.loads(dumped, object_hook=_object) if MARK in dumped else json.loads(dumped)


def shown(value: Any) -> Any:
    """Return a value as JSON for people to look at: what no database holds is replaced by a text that says so."""
    dumped = NOT_STORABLE.sub(lambda match: match[1] + (match[2] or "\\ufffd"), kombu_json.dumps(value))
    return json.loads(dumped, parse_constant=str)


def text(value: str) -> str:
    """Return a text without what no database holds, such as that of an error which quotes its job's arguments."""
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def error_text(error: BaseException) -> str:
    """Return the type and the message of an error, also of one whose message cannot be made."""
    try:
        message = str(error)
    except Exception as failure:  # noqa: BLE001  the error's own code, which may raise anything
        message = f"<its __str__() raised {type(failure).__name__}>"
    return f"{type(error).__name__}: {message}"


def class_path(error: BaseException) -> str:
    """Return the path of an error's class, by which it can be imported: builtins.ValueError."""
    return f"{type(error).__module__}.{type(error).__qualname__}"


def _unchanging(document: Any) -> Any:
    """Spell out what PostgreSQL's jsonb would change: the order of keys, and numbers that it takes for integers."""
    match document:
        case dict():
            keys = sorted(document, key=lambda key: (len(key.encode()), key.encode()))  # as jsonb keeps them
            return {key: _unchanging(document[key]) for key in keys}
        case list():
            return [_unchanging(item) for item in document]
        case float() if abs(document) >= 1e16 or (document == 0 and math.copysign(1, document) < 0):
            return {"__type__": "float", "__value__": repr(document)}
    return document


def _object(document: dict[str, Any]) -> Any:
    if document.keys() == {"__type__", "__value__"} and document["__type__"] == "float":
        return float(document["__value__"])
    return kombu_json.object_hook(document)


def _refuse(content: str) -> NoReturn:
    raise ValueError(f"An argument holds {content}, which the database cannot keep. Leave it out before you dispatch.")
