import pytest

from jobs import health
from jobs.watch import state


@pytest.fixture(autouse=True)
def _patience(monkeypatch):
    """On a busy machine even a broker in memory may take a second. Tests of the bound set one of their own."""
    monkeypatch.setattr(state, "SECONDS", 30)
    monkeypatch.setattr(health, "SECONDS", 30)
