"""What benchmarks share: the modules of the live tests, and tables."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path

TESTS = Path(__file__).parents[1] / "tests"
# Measured is what the tests check, by the same code.
sys.path[:0] = [str(TESTS / folder) for folder in (".", "live", "live/faults", "live/durable")]
# So that the servers and workers end with a benchmark that is ended.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under a head, as Markdown, so that they can stand in the documentation as they are."""
    cells = [list(head), ["---"] * len(head), *([_text(cell) for cell in row] for row in rows)]
    for row in cells:
        print("| " + " | ".join(row) + " |")
    print(flush=True)


def _text(cell: object) -> str:
    if not isinstance(cell, float):
        return str(cell)
    return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:.3g}"
