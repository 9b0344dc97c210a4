"""What all tests share: which of them run, and how to run the command as its users do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SLOW = ("live", "matrix")

Run = Callable[..., subprocess.CompletedProcess[str]]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help=f"run the tests marked {' and '.join(SLOW)} too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the slow tests out, unless asked for: by --all, or by a marker expression of one's own."""
    if config.getoption("--all") or config.getoption("-m"):
        return
    slow = [item for item in items if any(item.get_closest_marker(marker) for marker in SLOW)]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in set(slow)]


@pytest.fixture
def djcelery(tmp_path: Path) -> Run:
    """Run `djcelery` in `tmp_path` as a process without a terminal."""

    def run(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, **dict(options.pop("env", {}))}  # type: ignore[call-overload]
        defaults = {"cwd": tmp_path, "stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": 60}
        return subprocess.run([sys.executable, "-m", "djcelery", *words], env=env, check=False, **(defaults | options))

    return run
