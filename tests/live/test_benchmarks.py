"""Run the benchmarks: at full size at night, and so small that only a mistake can end them in every CI run.

The smaller version of those that are not here: `faults` and `hosts` are tests/live/faults and tests/live/hosts.
`bench_outage`, `bench_isolation`, `bench_rows`, `bench_looks`, `bench_beats` and `bench_controls` have tests of their
own in tests/live/durable, tests/live/monitoring, tests/live/dev and tests/live/operators, where counts are asserted.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SMALL = {
    "bench_cost": ["100", "1"],
    "bench_watched": ["100", "1"],
    "bench_growth": ["--rounds", "1", "100", "1000"],
    "bench_scale": ["--jobs", "500", "1", "2"],
    "bench_dispatch": ["20", "1", "50"],
    "bench_idle": ["1", "5"],
    "bench_replacement": ["50", "1"],
    "bench_pages": ["200", "400", "1"],
    "bench_new": ["1"],
    "bench_init": ["1"],
}
FULL = [
    *(
        ["faults", "--broker", broker, "--database", database]
        for broker in ("redis", "rabbitmq")
        for database in ("postgres", "sqlite")
    ),
    *(["hosts", "--broker", broker] for broker in ("redis", "rabbitmq")),
    *([path.stem] for path in sorted((ROOT / "benchmarks").glob("bench_*.py"))),
]


def run(name: str, *words: str, seconds: float) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"benchmarks.{name}", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=seconds)


@pytest.mark.parametrize("name", SMALL)
def test_it_runs(name):
    # Whether a ratio is within its bound is judged at full size only: then the exit code is 1, without an error.
    done = run(name, *SMALL[name], seconds=300)

    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr
    assert "ratio" in done.stdout or "| --- |" in done.stdout


@pytest.mark.nightly
@pytest.mark.parametrize("words", FULL, ids=" ".join)
def test_at_full_size(words):
    done = run(*words, seconds=4 * 3600)

    assert done.returncode == 0, done.stdout + done.stderr
