"""Skip the tests of several hosts where hosts cannot be made."""

from __future__ import annotations

import pytest

from tests.live.hosts.network import why_impossible


@pytest.fixture(scope="package")
def hosts_can_be_made() -> None:
    """Skip the test with the reason, which in CI is a failure."""
    if reason := why_impossible():
        pytest.skip(reason)
