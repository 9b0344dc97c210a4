"""Test that the relay, prune and people look at what they need, however many finished jobs there are."""

from __future__ import annotations

import pytest

from tests.live.harness.environment import running_environment
from tests.live.harness.project import AS_GENERATED

FINISHED, OPEN = 100_000, 2_000


@pytest.fixture(scope="module")
def passes():
    with running_environment("redis", "postgres", policy=AS_GENERATED) as environment:
        yield environment.ask("plans", str(FINISHED), str(OPEN))


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("relay", "djcelery_jobs_to_publish"),
        ("relay, nothing due", "djcelery_jobs_to_publish"),
        ("prune", "djcelery_jobs_finished"),
        ("prune, nothing old", "djcelery_jobs_finished"),
        ("jobs plan", "djcelery_jobs_finished"),
        ("dead letters", "djcelery_jobs_set_aside"),
        ("failures", "Index Only Scan using djcelery_jobs_set_aside"),
    ],
)
def test_a_pass_uses_the_partial_index(passes, name, index):
    plan = "\n".join(passes[name]["plan"])
    assert index in plan
    assert "Seq Scan" not in plan


def test_a_pass_takes_what_is_due_and_no_more(passes):
    assert passes["relay"]["rows"] == OPEN // 20
    assert passes["relay, nothing due"]["rows"] == 0
    assert 0 < passes["prune"]["rows"] < FINISHED / 30
    assert passes["prune, nothing old"]["rows"] == 0


@pytest.mark.parametrize("name", ["dead letters", "jobs", "jobs of a task", "jobs that run", "search", "failures"])
def test_people_look_by_indexes(passes, name):
    for plan in passes[name]["plans"]:
        assert "Index" in "\n".join(plan)
        assert "Seq Scan" not in "\n".join(plan)
