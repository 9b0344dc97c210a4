"""Mark the live tests, share their servers among as few processes as possible, and print the figures they measure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.harness.processes import PROC

HERE = Path(__file__).parent
# Fixtures that run servers, by their parameter, and those of a single file. Tests that take the same servers run in the
# same process, one after the other.
SHARED = ("servers", "dev_server", "log_site", "watched", "production", "managed", "site_and_line")
SHARED_IN_FILE = ("passes", "project", "classes")


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups, and before the slow tests are left out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.live)
            if group := _group(item):
                item.add_marker(pytest.mark.xdist_group(group))
            if not PROC.is_dir():
                item.add_marker(pytest.mark.skip(reason="another operating system: these tests look into /proc"))


def _group(item: pytest.Item) -> str:
    """Name the servers that a test shares with others. Empty when it has its own."""
    folder = item.path.parent.name
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    shared = [str(parameters[name]) for name in SHARED if name in parameters]
    if shared:
        return "-".join([folder, *shared])
    in_file = any(name in SHARED_IN_FILE for name in getattr(item, "fixturenames", ()))
    return f"{folder}-{item.path.stem}" if in_file else ""


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Note a measured figure. All are printed at the end, and none of them decides about a test."""
    return lambda line: request.node.user_properties.append(("figure", line))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    for report in reports:
        for name, line in report.user_properties:
            if name == "figure":
                terminalreporter.write_line(f"figure: {line}")
