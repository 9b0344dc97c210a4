"""Keep every promise while everything is killed. benchmarks/faults.py does the same at full size.

Counts are asserted; times are figures, and the bounds on them are generous.
"""

from __future__ import annotations

import pytest

from tests.live.faults import scenarios
from tests.live.harness.faults import FUNCTIONS, FaultPlan, run_faults

STARTS = 4  # the first, and three that come back
BESIDE_OTHERS = 2  # starts of a job before it runs alone: SUSPECT_STARTS
STILL = 6  # seconds: a run is out of time after 5, and can say so a moment later


def on(*servers: str) -> pytest.MarkDecorator:
    """Run the test on these servers. Tests on the same ones in one process share a project and its workers."""
    return pytest.mark.parametrize("servers", servers, indirect=True)


@on("redis-postgres", "rabbitmq-postgres", "redis-sqlite")
def test_kills_of_every_kind_lose_and_double_nothing(environment, figure):
    postgres = "postgres" in environment.variables["DATABASE_URL"]
    plan = FaultPlan(
        jobs=400 if postgres else 200,
        rate=20 if postgres else 10,
        longest=0.5 if postgres else 0.1,  # on SQLite one transaction at a time writes
        child_kills=6,
        worker_kills=6,
        broker_kills=1,
        wipes=1,
        database_restarts=1 if postgres else 0,
        dispatcher_kills=2,
        pauses=2,
        cancels=3 if postgres else 0,  # SQLite lets a cancellation wait for the job that writes
    )

    outcome = run_faults(environment, plan)

    figure(f"all faults on {environment.name}: {outcome}")
    assert outcome.is_intact, outcome
    assert outcome.dispatched > plan.jobs * 0.8
    assert outcome.interrupted > 0, "no kill has hit a run: this test has shown nothing"


@on("redis-postgres", "rabbitmq-postgres")
def test_kills_lose_and_double_no_job_of_django_s_own_tasks(environment, figure):
    plan = FaultPlan(
        jobs=200,
        rate=20,
        longest=0.5,
        child_kills=4,
        worker_kills=3,
        broker_kills=1,
        wipes=1,
        database_restarts=1,
        dispatcher_kills=1,
        tasks=FUNCTIONS,
    )

    outcome = run_faults(environment, plan)

    figure(f"all faults over @task on {environment.name}: {outcome}")
    assert outcome.is_intact, outcome
    assert outcome.dispatched > plan.jobs * 0.8
    assert outcome.interrupted > 0, "no kill has hit a run: this test has shown nothing"


@on("redis-postgres", "rabbitmq-postgres")
def test_a_job_that_kills_its_process_is_given_up_alone(environment, figure):
    outcome = scenarios.poison(environment, 100, ["child"])

    figure(f"poison on {environment.name}: {outcome}")
    assert outcome.starts == outcome.counted == [STARTS]
    assert (outcome.dead, outcome.done, outcome.condemned) == (1, 100, 0)


# Redis does not say that a worker is gone, so there each return takes as long as a run may: that is for the benchmark.
@on("rabbitmq-postgres")
def test_jobs_that_kill_their_worker_are_given_up_alone(environment, figure):
    outcome = scenarios.poison(environment, 60, ["worker", "worker", "worker"], longest=2)

    figure(f"poison on {environment.name}: {outcome}")
    assert outcome.counted == [STARTS] * 3
    # While they run beside each other, one may kill the worker just when another has begun by its row, and has not left
    # its line yet. After that, a worker runs one of them at a time.
    assert all(STARTS - BESIDE_OTHERS <= left <= STARTS for left in outcome.starts)
    assert (outcome.dead, outcome.done, outcome.condemned) == (3, 60, 0)


@on("redis-postgres", "rabbitmq-postgres")
def test_rolling_restarts_cost_nothing(environment, figure):
    outcome = scenarios.rolling_restarts(environment, 15, every=3)

    figure(f"rolling restarts on {environment.name}: {outcome}")
    assert outcome.is_intact, outcome
    assert outcome.interrupted == 0, "a worker that leaves in order counts as no kill"


@on("redis-postgres", "rabbitmq-postgres")
def test_jobs_of_a_killed_worker_run_again_soon(environment, figure):
    outcome, seconds = scenarios.killed_with_prefetched_jobs(environment)

    figure(f"kill -9 of workers with prefetched jobs on {environment.name}: all began again within {seconds:.1f} s")
    assert outcome.is_intact, outcome


@on("redis-postgres", "rabbitmq-postgres")
def test_a_long_job_goes_back_when_its_worker_shuts_down(environment, figure):
    outcome, seconds = scenarios.long_job_at_shutdown(environment)

    figure(f"SIGTERM during a job of 20 s on {environment.name}: the worker left within {seconds:.1f} s, {outcome}")
    assert seconds < 20, "it waited for the jobs"
    assert (environment.starts(1), environment.starts(2)) == (2, 2)
    assert outcome.interrupted == 0
    assert outcome.is_intact, outcome


@on("redis-postgres", "rabbitmq-postgres")
def test_a_worker_outlives_its_broker(environment, figure):
    restarts = environment.supervisor.restarts

    outcome, harm = scenarios.broker_outage(environment, 12)

    figure(f"broker down for 12 s on {environment.name}: {outcome}, {harm}")
    assert outcome.is_intact, outcome
    assert not any(harm.values()), harm
    assert environment.supervisor.restarts == restarts


@on("redis-postgres")
def test_a_database_outage_costs_no_job(environment, figure):
    outcome, failures = scenarios.database_outage(environment, 4)

    figure(f"database down for 4 s on {environment.name}: {outcome}")
    assert outcome.is_intact, outcome
    assert failures == 0


@on("redis-postgres")
def test_a_database_that_freezes_costs_no_job(environment, figure):
    outcome, out_of_time = scenarios.database_freezes(environment, STILL)

    figure(f"database frozen for {STILL} s on {environment.name}: {outcome}, {out_of_time} runs out of time")
    assert outcome.is_intact, outcome
    assert out_of_time > 0, "no run was out of time: this test has shown nothing"


@on("rabbitmq-postgres")
def test_a_web_process_killed_after_its_commit_costs_no_job(environment, figure):
    outcome, killed = scenarios.web_process_killed(environment, 12)

    figure(f"web processes killed after commit on {environment.name}: {outcome}")
    assert killed == 4
    assert outcome.is_intact, outcome
    assert outcome.dispatched == 12
