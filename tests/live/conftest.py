"""Mark the live tests, and print the figures that they measure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.harness.processes import PROC

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)  # before the slow tests are left out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.live)
            if not PROC.is_dir():
                item.add_marker(pytest.mark.skip(reason="another operating system: these tests look into /proc"))


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
