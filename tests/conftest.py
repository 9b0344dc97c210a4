"""What all tests share: which of them run, and how to run the command as its users do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
SLOW = ("live", "matrix", "corpus")
# What a reason to skip a test must say to count where CI=true. Whatever else is missing there is a failure.
EXCUSES = ("another operating system", "interpreter not installed")

Run = Callable[..., subprocess.CompletedProcess[str]]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help=f"run the tests marked {' and '.join(SLOW)} too")


def pytest_configure() -> None:
    """A shell that runs us in the background, or `nohup`, has some signals ignored, by us and by all that we start."""
    for name in ("SIGINT", "SIGQUIT", "SIGHUP"):
        if (which := getattr(signal, name, None)) and signal.getsignal(which) == signal.SIG_IGN:
            signal.signal(which, signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the slow tests out, unless asked for: by --all, or by a marker expression of one's own."""
    if config.getoption("--all") or config.getoption("-m"):
        return
    slow = [item for item in items if any(item.get_closest_marker(marker) for marker in SLOW)]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in set(slow)]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    return without_excuse((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    return without_excuse((yield))


def without_excuse(report: Any) -> Any:
    """In CI, turn a skip into a failure unless it has one of the excuses."""
    if os.environ.get("CI") == "true" and report.skipped and not hasattr(report, "wasxfail"):
        reason = str(report.longrepr)
        if not any(excuse in reason for excuse in EXCUSES):
            report.outcome, report.longrepr = "failed", f"Skipped, which is no result in CI: {reason}"
    return report


@pytest.fixture(autouse=True, scope="session")
def cache_of_the_check(tmp_path_factory: pytest.TempPathFactory) -> Generator[None]:
    """Keep `djcelery check` away from the cache of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("DJCELERY_CACHE_DIR", str(tmp_path_factory.mktemp("djcelery_cache")))
        yield


@pytest.fixture
def djcelery(tmp_path: Path) -> Run:
    """Run `djcelery` in `tmp_path` as a process without a terminal."""

    def run(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, **dict(options.pop("env", {}))}  # type: ignore[call-overload]
        defaults = {"cwd": tmp_path, "stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": 60}
        return subprocess.run([sys.executable, "-m", "djcelery", *words], env=env, check=False, **(defaults | options))

    return run
