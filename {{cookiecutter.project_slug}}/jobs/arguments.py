"""Arguments as a JSON column holds them: in Celery's JSON, with its marks for dates and the like."""

import json
import re
from typing import Any, NoReturn

from kombu.utils import json as kombu_json

# A NUL in JSON, and not a backslash followed by the word. No text in PostgreSQL can hold one.
NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def stored(value: Any) -> Any:
    """Raises ValueError for what not every database holds: NaN, an infinity, or a NUL in a text."""
    text = kombu_json.dumps(value)
    if NUL.search(text):
        _refuse("NUL in a text")
    return json.loads(text, parse_constant=_refuse)


def shown(value: Any) -> Any:
    """The same, for people to look at: what no database holds is replaced by something that says so."""
    return json.loads(NUL.sub(r"\1\\ufffd", kombu_json.dumps(value)), parse_constant=str)


def _refuse(what: str) -> NoReturn:
    raise ValueError(f"An argument holds {what}, which the database cannot keep. Leave it out before you dispatch.")
