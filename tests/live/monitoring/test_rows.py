"""Observe at the same cost however many jobs there are. How long it takes: benchmarks/bench_looks.py."""

from __future__ import annotations

import pytest

FEW, MANY = 1_000, 100_000


pytestmark = pytest.mark.parametrize("servers", ["redis"], indirect=True, scope="package")


@pytest.fixture(scope="module")
def levels(servers):
    servers.end_processes()
    servers.forget_everything()
    return servers.ask("looks", str(FEW), str(MANY))


def test_it_asks_the_database_as_often(levels):
    assert levels[str(FEW)]["waiting"] < levels[str(MANY)]["waiting"]
    assert levels[str(FEW)]["statements"] == levels[str(MANY)]["statements"]


def test_it_reads_no_table_of_jobs_from_end_to_end(levels):
    plans = ["\n".join(plan) for plan in levels[str(MANY)]["plans"]]

    assert len(plans) >= 9  # of each queue what is dead and what waits, and what is overdue
    assert [plan for plan in plans if "Seq Scan on djcelery_jobs_job" in plan or "Sort" in plan] == []
    assert {
        name
        for name in ("djcelery_jobs_dead_in_queue", "djcelery_jobs_waiting", "djcelery_jobs_to_publish")
        if name in str(plans)
    } == {
        "djcelery_jobs_dead_in_queue",
        "djcelery_jobs_waiting",
        "djcelery_jobs_to_publish",
    }
