"""Run a site whose jobs somebody looks at, in a real browser, for each broker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.watch.site import WatchedSite, watched_site


@pytest.fixture(scope="package", params=["redis"])
def watched(request: pytest.FixtureRequest) -> Iterator[WatchedSite]:
    with watched_site(request.param) as site:
        yield site


@pytest.fixture
def site(watched: WatchedSite) -> Iterator[WatchedSite]:
    """Hand out the site with a fresh browser. Whatever the browser complains about fails the test."""
    with watched.fresh():
        yield watched
    assert watched.complaints == []
