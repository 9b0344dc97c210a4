"""Keep the figures on README and docs as the benchmarks saved them."""

from __future__ import annotations

import json

import pytest

from docs import make_figures

MACHINE = {"cores": 2, "processor": "a processor", "memory_gb": 8, "system": "Linux"}
VERSIONS = dict.fromkeys(("Python", "Django", "celery", "PostgreSQL", "Valkey", "RabbitMQ"), "1.2")


@pytest.fixture
def save(tmp_path, monkeypatch):
    """Save figures as a benchmark does, in a folder of our own."""
    monkeypatch.setattr(make_figures, "RESULTS", tmp_path)

    def write(name: str, figures: dict) -> None:
        content = {"date": "2026-01-02", "machine": MACHINE, "versions": VERSIONS, "figures": figures}
        (tmp_path / f"{name}.json").write_text(json.dumps(content))

    return write


@pytest.mark.parametrize("page", make_figures.PAGES, ids=lambda page: page.name)
def test_each_page_says_what_the_benchmarks_saved(page):
    text = page.read_text(encoding="utf-8")
    assert make_figures.filled(text) == text, "run: python -m docs.make_figures"


def test_each_block_has_its_place():
    assert sorted(make_figures.names()) == sorted(make_figures.BLOCKS)


def test_a_block_is_made_from_its_result(save):
    page = "before\n<!-- figures: scale -->\nold\n<!-- /figures -->\nafter\n"
    assert make_figures.filled(page) == page

    save("scale", {"no-op": {"1": 100.0, "2": 150.0}})

    made = make_figures.filled(page)
    assert "| no-op | 1.50x |" in made
    assert "Measured 2026-01-02 on 2 cores (a processor); Python 1.2" in made
    assert "old" not in made
    assert make_figures.filled(made) == made
