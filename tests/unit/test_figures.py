"""Keep the figures of the docs as the benchmarks saved them."""

from __future__ import annotations

import json

import pytest

from benchmarks.bench_peers import ENGINES
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
    assert make_figures.filled(page) == page.read_text(encoding="utf-8"), "run: python -m docs.make_figures"


@pytest.mark.parametrize("page", make_figures.PAGES, ids=lambda page: page.name)
def test_no_table_stands_there_without_its_result(page):
    blocks = make_figures.BLOCK.findall(page.read_text(encoding="utf-8"))

    assert [name for _, name, table, _ in blocks if table.strip() and "\nMeasured " not in table] == []


def test_each_block_has_its_place():
    assert sorted(make_figures.names()) == sorted(make_figures.BLOCKS)


@pytest.fixture
def made(tmp_path):
    """Return the text of a page with one block, filled."""

    def fill(name: str, old: str = "old\n") -> str:
        page = tmp_path / "page.md"
        page.write_text(f"before\n<!-- figures: {name} -->\n{old}<!-- /figures -->\nafter\n")
        text = make_figures.filled(page)
        page.write_text(text)
        assert make_figures.filled(page) == text
        return text

    return fill


def test_a_block_stays_while_its_result_is_missing(made, save):
    assert "\nold\n" in made("scale")


def test_a_block_is_made_from_its_result(made, save):
    save("scale", {"no-op": {"1": 100.0, "2": 150.0}})

    text = made("scale")

    assert "| no-op | 1.50x |" in text
    assert "Measured 2026-01-02 on 2 cores (a processor); Python 1.2" in text
    assert text.count("/benchmarks/results/scale.json)") == 1
    assert "old" not in text


def test_rivals_are_shown_by_the_median_of_their_rounds(made, save):
    measured = {
        what: [{"cpu_ms": ms, "rate": 1000 * ms, "wall_ms": ms / 10} for ms in (1, 2, 9)]
        for what in ("noop 2", "add_one 2", "noop 4", "dispatch one", "dispatch many")
    }
    packages = {engine.name: {engine.name: "3.2"} if engine.requirements else {} for engine in ENGINES}
    save("peers", {"packages": packages, "raw": {engine.name: measured for engine in ENGINES}})

    text = made("peers")

    assert "| djcelery, a durable task | effect exactly once | 2.00 | 2.00 | 2,000 | 0.20 | 0.20 |" in text
    assert "| django-ox 3.2 | at least once | 2.00 |" in text
    assert text.count("| 2.00 | 2.00 |") == len(ENGINES)


def test_pages_of_the_admin_are_shown_beside_few_rows_and_many(made, save):
    save("pages", {n: {"overview": {"ms": ms, "statements": 12}} for n, ms in (("1000", 20.4), ("1000000", 22.6))})

    text = made("pages")

    assert "| page | CPU ms, 1,000 rows | CPU ms, 1,000,000 rows | statements |" in text
    assert "| overview | 20 | 23 | 12 |" in text


def test_controls_are_shown_for_both_brokers(made, save):
    row = dict.fromkeys(make_figures.CONTROLS, 0) | {"cancels": 1000, "slowest cancel, s": 1.26, "page, p95 ms": 123.4}
    save("controls", {"redis": row, "rabbitmq": {**row, "cancels": 999}})

    text = made("controls")

    assert "| of these, started before the pause ended | 0 | 0 |" in text
    assert "| jobs cancelled at about the moment of their end | 1,000 | 999 |" in text
    assert "| longest time that a cancelled job went on, s | 1.3 | 1.3 |" in text
    assert "| the same, 95 of 100 within, ms | 123 | 123 |" in text


def test_one_broker_is_shown_while_the_other_is_not_measured(made, save):
    save("controls", {"rabbitmq": dict.fromkeys(make_figures.CONTROLS, 0)})

    assert "|  | RabbitMQ |" in made("controls")


def test_a_scenario_that_was_not_saved_leaves_the_other_promises(made, save):
    faults = {"dispatched": 5000, "lost": 0, "doubled": 0}
    save("faults-redis-postgres", {"faults": faults, "poison": {"starts": [4, 4], "condemned": 0}})
    save("faults-rabbitmq-postgres", {"faults": faults})
    save(
        "outage",
        {f"{broker}, {how}": {"failed": 0, "longest_wait": 2.04} for broker in ("redis", "rabbitmq") for how in "ab"},
    )

    text = made("promises")

    assert "| lost / doubled | 0 / 0 | 0 / 0 |" in text
    assert "| other jobs given up beside it | 0 | not measured |" in text
    assert "| longest wait of a request then | 2.0 s | 2.0 s |" in text
    assert "late-ack" not in text
