"""The servers are those of the fault suite."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.live)
            if not Path("/proc").is_dir():
                item.add_marker(pytest.mark.skip(reason="another operating system: these tests look into /proc"))
