"""Old findings that are known and may stay: a file with what was there when it was written."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from djcelery.errors import UsageError

Row = dict[str, Any]


def read(path: Path) -> Counter[str]:
    """How often each known finding may be there."""
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        return Counter({str(key): int(count) for key, count in held["findings"].items()})
    except FileNotFoundError:
        raise UsageError(f"There is no baseline {path}.", "Write one with --write-baseline.") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} is not a baseline.", "Write it again with --write-baseline.") from error


def write(path: Path, rows: list[Row]) -> None:
    """Remember these findings as known."""
    counts = Counter(key(row) for row in rows)
    path.write_text(json.dumps({"findings": dict(sorted(counts.items()))}, indent=1) + "\n", encoding="utf-8")


def unknown(rows: list[Row], known: Counter[str]) -> list[Row]:
    """The findings that the baseline does not know; lines may have moved."""
    left = Counter(known)
    kept = []
    for row in rows:
        if left[key(row)] > 0:
            left[key(row)] -= 1
        else:
            kept.append(row)
    return kept


def key(row: Row) -> str:
    return f"{row['path']}::{row['code']}::{row['message']}"
