"""Test that a statement that outlasts the soft limit is retried, then dead, and that no process is killed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.harness.environment import Environment, running_environment

JOB = "SELECT state, starts, attempts, error, traceback FROM djcelery_jobs_job"


@pytest.fixture(scope="module")
def environment() -> Iterator[Environment]:
    with running_environment("redis", "postgres") as made:
        made.worker("fast", "--concurrency", "2")
        made.beat()  # it publishes what is retried
        yield made


def test_a_long_statement_is_retried_and_then_dead_with_its_traceback(environment):
    environment.clear()
    environment.shell("statement.delay(1, 60)")
    environment.wait_until_finished(90)

    [(state, starts, attempts, error, traceback)] = environment.database.rows(JOB)
    assert (state, starts, attempts) == ("dead", 1, 1)  # a retry starts the count anew
    assert "SoftTimeLimitExceeded" in error
    assert "pg_sleep" in traceback
    assert environment.number("SELECT count(*) FROM workload_effect") == 0
    assert environment.number("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'") == 0
    assert environment.worker_lines("Hard time limit") == 0
