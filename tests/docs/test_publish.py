"""Test that the sites of several versions lie side by side, and the index leads to the newest release."""

from __future__ import annotations

import re

import pytest

from docs.publish_site import publish


@pytest.fixture
def site(tmp_path):
    """Return a site as small as possible, whose start page says the given words."""

    def write(words: str):
        page = tmp_path / "site" / "docs" / "index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(words)
        return tmp_path / "site"

    return write


def test_the_index_leads_to_the_newest_release_and_lists_all(site, tmp_path):
    folder = tmp_path / "pages"
    for version in ("main", "0.2.0", "0.10.0", "0.9.1"):
        versions = publish(site(version), folder, version)

    assert versions == ["0.10.0", "0.9.1", "0.2.0", "main"]
    index, listed = (folder / "index.html").read_text(), (folder / "versions.html").read_text()
    assert 'content="0; url=0.10.0/docs/index.html"' in index
    assert "refresh" not in listed
    targets = re.findall(r'href="(.+?)"', listed)
    assert [(folder / target).read_text() for target in targets] == versions


def test_before_the_first_release_the_index_leads_to_main(site, tmp_path):
    publish(site("main"), tmp_path / "pages", "main")

    assert 'url=main/docs/index.html"' in (tmp_path / "pages" / "index.html").read_text()


def test_a_version_that_is_published_again_is_replaced(site, tmp_path):
    folder = tmp_path / "pages"
    publish(site("old"), folder, "main")
    (folder / "main" / "gone.html").touch()
    publish(site("new"), folder, "main")

    assert (folder / "main" / "docs" / "index.html").read_text() == "new"
    assert not (folder / "main" / "gone.html").exists()


@pytest.mark.parametrize("version", ["", "..", "0.2.0.dev1", "feature/x"])
def test_another_name_is_refused(site, tmp_path, version):
    with pytest.raises(ValueError, match="Invalid version"):
        publish(site("x"), tmp_path / "pages", version)
