"""Arguments and errors as a database holds them; arguments in Celery's JSON, with its marks for dates and the like."""

import json
import re
from typing import Any, NoReturn

from kombu.utils import json as kombu_json

# In JSON, a NUL, and half of a pair of surrogates as file names that are no UTF-8 have; not a backslash followed by the
# word. No text in PostgreSQL can hold them.
UNKEPT = re.compile(r"(?<!\\)((?:\\\\)*)(?:(\\ud[89ab]..\\ud[c-f]..)|\\u0000|\\ud[89a-f]..)")


def stored(value: Any) -> Any:
    """Raises ValueError for what not every database holds: NaN, an infinity, or a NUL in a text."""
    dumped = kombu_json.dumps(value)
    if any(not pair for _, pair in UNKEPT.findall(dumped)):
        _refuse("a NUL, or bytes that are no text,")
    return json.loads(dumped, parse_constant=_refuse)


def shown(value: Any) -> Any:
    """The same, for people to look at: what no database holds is replaced by something that says so."""
    dumped = UNKEPT.sub(lambda found: found[1] + (found[2] or "\\ufffd"), kombu_json.dumps(value))
    return json.loads(dumped, parse_constant=str)


def text(value: str) -> str:
    """The same for an error, which may quote what the job was given."""
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _refuse(what: str) -> NoReturn:
    raise ValueError(f"An argument holds {what}, which the database cannot keep. Leave it out before you dispatch.")
