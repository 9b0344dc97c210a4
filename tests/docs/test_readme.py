"""Test that the README's commands work in their order, on a machine that has Python and git."""

from __future__ import annotations

import re
import signal
import sys
from pathlib import Path

import pytest

from tests.live.harness.browser import Browser
from tests.live.harness.processes import Process
from tests.ports import free_port
from tests.projects import environment, succeed

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "README.md").read_text()
INSTALL = "python3 -m venv .venv && .venv/bin/pip install -e '.[dev]'"  # this environment stands in for it


def blocks() -> list[list[str]]:
    return [block.splitlines() for block in re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)]


def test_it_fits_on_one_screen():
    assert len(PAGE.splitlines()) <= 64
    assert PAGE.count("![") == 1
    assert len(re.findall(r"^\d\. ", PAGE, re.MULTILINE)) == len(re.findall(r"\[proof\]", PAGE)) == 5


def test_users_need_no_tools_of_contributors():
    start, _, tests = blocks()

    assert "[dev]" not in "".join(start)
    assert "pytest" in tests[0]


@pytest.mark.live
def test_the_start(tmp_path):
    # A checkout is installed without its extras, creates a project beside itself, and that runs.
    (clone, new), (enter, install, dev), _ = blocks()
    assert (enter, install) == ("cd myproject", INSTALL)
    python = f"{Path(sys.executable).resolve()} -m venv"
    line = clone.replace("<this repository>", str(ROOT)).replace("python3 -m venv", python)
    port = free_port()
    known = {**environment(), "REDIS_URL": f"redis://localhost:{free_port()}/0"}

    succeed(["sh", "-c", line], cwd=tmp_path, env=known)
    succeed(["sh", "-c", f"{new} --yes"], cwd=tmp_path, env=known)
    words = dev.replace(".venv/bin/python", sys.executable).split()
    process = Process([*words, "--port", str(port)], tmp_path / "myproject", known, tmp_path / "dev.log")
    try:
        process.wait_for("Log in as admin", seconds=120)
        order = {"product": "TEA-01", "quantity": 1, "email": "ann@example.com"}
        assert Browser(f"http://localhost:{port}").json("/api/orders", order)["status"] == "placed"
    finally:
        process.end(signal.SIGINT)
