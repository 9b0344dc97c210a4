"""Watch which code sets the state of a job's row, statement by statement."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connection

import djcelery_jobs

LIBRARY = str(Path(djcelery_jobs.__file__).parent)
LEDGER = str(Path(LIBRARY, "core/ledger.py"))
ROUND_TRIPS = str(Path(LIBRARY, "core/round_trips.py"))  # it executes what others give it
TESTS = str(Path(__file__).parent)

# The set clause ends before WHERE, in which a state is only compared.
SETS_A_STATE = re.compile(
    r"""(?:INSERT\s[^(]*"djcelery_jobs_job"
    |UPDATE\s+"djcelery_jobs_job"(?:\s+AS\s+\w+)?\s+SET\s(?:(?!\bWHERE\b).)*"state"\s=)""",
    re.S | re.X,
)


@contextmanager
def outside_the_ledger() -> Iterator[list[str]]:
    """Yield a list to which is added where, outside of ledger.py and of the tests, a statement sets a state."""
    changes: list[str] = []

    def look(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if SETS_A_STATE.search(sql) and (place := _caller()) != LEDGER and not place.startswith(TESTS):
            changes.append(f"{place}: {sql[:200]}")
        return execute(sql, params, many, context)

    look.takes_round_trips = True  # type: ignore[attr-defined]  the text of several statements will do
    with connection.execute_wrapper(look):
        yield changes


def _caller() -> str:
    """Return the file of the innermost frame that is the library's or a test's."""
    frame = sys._getframe(1)
    while frame := frame.f_back:
        file = frame.f_code.co_filename
        if file.startswith((LIBRARY, TESTS)) and file not in (__file__, ROUND_TRIPS):
            return file
    return "nowhere in the library"
