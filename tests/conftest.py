"""Select which tests run, and run the command as its users do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.projects import SHELF
from tests.scheduling import is_alone

ROOT = Path(__file__).parents[1]
SLOW = ("live", "matrix", "corpus")
NIGHTLY = "nightly"  # hours; .ci/run has a smaller version of each
# What a reason to skip a test must say to count where CI=true. Whatever else is missing there is a failure.
EXCUSES = ("another operating system", "interpreter not installed")

Run = Callable[..., subprocess.CompletedProcess[str]]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help=f"run the tests marked {' and '.join(SLOW)} too")
    parser.addoption("--nightly", action="store_true", help="run the tests marked nightly, and no others")


def pytest_configure() -> None:
    """Heed the signals that a shell in the background, or `nohup`, made us and all that we start ignore."""
    for name in ("SIGINT", "SIGQUIT", "SIGHUP"):
        if (which := getattr(signal, name, None)) and signal.getsignal(which) == signal.SIG_IGN:
            signal.signal(which, signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the slow tests out, unless asked for: by an option, or by a marker expression of one's own.

    Those that are left begin with the slow ones, then come groups that share something. Quick ones fill the gaps at the
    end of a parallel run.
    """
    if not config.getoption("-m"):
        wanted = [item for item in items if _is_wanted(config, item)]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(wanted)])
        items[:] = wanted
    items.sort(key=lambda item: (not _is_marked(item, SLOW), is_alone(item.nodeid)))


def _is_wanted(config: pytest.Config, item: pytest.Item) -> bool:
    if config.getoption("--nightly") or _is_marked(item, [NIGHTLY]):
        return config.getoption("--nightly") and _is_marked(item, [NIGHTLY])
    return config.getoption("--all") or not _is_marked(item, SLOW)


def _is_marked(item: pytest.Item, markers: Iterable[str]) -> bool:
    return any(item.get_closest_marker(marker) for marker in markers)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Run the tests that share servers in the same process, with `--dist loadgroup`."""
    if config.getoption("dist") != "loadgroup":
        return None
    from tests.scheduling import SharedServers

    return SharedServers(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    return without_excuse((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    return without_excuse((yield))


def without_excuse(report: Any) -> Any:
    """Turn a skip into a failure in CI, unless it has one of the excuses."""
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


@pytest.fixture(autouse=True, scope="session")
def made_projects(tmp_path_factory: pytest.TempPathFactory) -> Generator[None]:
    """Let all processes of a parallel run share the projects that one of them has made."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "made_projects"
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv(SHELF, str(folder))
        yield


@pytest.fixture
def djcelery(tmp_path: Path) -> Run:
    """Run `djcelery` in `tmp_path` as a process without a terminal."""

    def run(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, **dict(options.pop("env", {}))}  # type: ignore[call-overload]
        defaults = {"cwd": tmp_path, "stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": 60}
        return subprocess.run([sys.executable, "-m", "djcelery", *words], env=env, check=False, **(defaults | options))

    return run
