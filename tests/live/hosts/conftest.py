"""A project on several hosts. The rig and the servers are those of the fault suite."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))

from network import why_not


@pytest.fixture(scope="session")
def hosts_can_be_made() -> None:
    """Or the test says why not and is not counted as passed; in CI that is a failure."""
    if reason := why_not():
        pytest.skip(reason)
