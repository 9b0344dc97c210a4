"""What is promised holds while everything is killed. benchmarks/faults.py does the same at full size.

Counts are asserted; times are figures, and the bounds on them are generous.
"""

from __future__ import annotations

import pytest
import scenarios
from storm import Storm, rage

STARTS = 4  # the first, and three that come back
STILL = 11  # seconds: a run is out of time after 10, and can say so a moment later


def on(*servers: str) -> pytest.MarkDecorator:
    """Run the test on these servers: all that take the same share one project and its crew."""
    return pytest.mark.parametrize("crew_at_work", servers, indirect=True)


@on("redis-postgres", "rabbitmq-postgres", "redis-sqlite")
def test_a_storm_of_kills_loses_and_doubles_nothing(faulty, figure):
    postgres = "postgres" in faulty.variables["DATABASE_URL"]
    storm = Storm(
        jobs=400 if postgres else 200,
        rate=20 if postgres else 10,
        longest=0.5 if postgres else 0.1,  # on SQLite one transaction at a time writes
        child_kills=6,
        worker_kills=6,
        broker_kills=1,
        wipes=1,
        database_restarts=1 if postgres else 0,
        publisher_kills=2,
    )

    outcome = rage(faulty, storm)

    figure(f"storm on {faulty.name}: {outcome}")
    assert outcome.kept, outcome
    assert outcome.asked > storm.jobs * 0.8
    assert outcome.cut_off > 0, "no kill has hit a run: this test has shown nothing"


@on("redis-postgres", "rabbitmq-postgres")
def test_a_job_that_kills_its_child_is_buried_and_nobody_with_it(faulty, figure):
    outcome = scenarios.poison(faulty, 100, ["child"])

    figure(f"poison on {faulty.name}: {outcome}")
    assert outcome.starts == [STARTS]
    assert (outcome.dead, outcome.done, outcome.condemned) == (1, 100, 0)


# Redis does not say that a worker is gone, so there each return takes as long as a run may: that is for the benchmark.
@on("rabbitmq-postgres")
def test_jobs_that_kill_their_worker_are_buried_and_nobody_with_them(faulty, figure):
    outcome = scenarios.poison(faulty, 60, ["worker", "worker", "worker"], longest=2)

    figure(f"poison on {faulty.name}: {outcome}")
    assert outcome.starts == [STARTS] * 3
    assert (outcome.dead, outcome.done, outcome.condemned) == (3, 60, 0)


@on("redis-postgres", "rabbitmq-postgres")
def test_rolling_restarts_cost_nothing(faulty, figure):
    outcome = scenarios.rolling_restarts(faulty, 20)

    figure(f"rolling restarts on {faulty.name}: {outcome}")
    assert outcome.kept, outcome
    assert outcome.cut_off == 0, "a worker that leaves in order counts as no kill"


@on("redis-postgres", "rabbitmq-postgres")
def test_jobs_of_a_killed_worker_run_again_soon(faulty, figure):
    outcome, seconds = scenarios.killed_with_prefetched_jobs(faulty)

    figure(f"kill -9 of workers with prefetched jobs on {faulty.name}: all began again within {seconds:.1f} s")
    assert outcome.kept, outcome
    assert seconds < 45


@on("redis-postgres", "rabbitmq-postgres")
def test_a_long_job_goes_back_when_its_worker_shuts_down(faulty, figure):
    outcome, seconds = scenarios.long_job_at_shutdown(faulty)

    figure(f"SIGTERM during a job of 20 s on {faulty.name}: the worker left within {seconds:.1f} s, {outcome}")
    assert seconds < 15
    assert (faulty.starts(1), faulty.starts(2)) == (2, 2)
    assert outcome.cut_off == 0
    assert outcome.kept, outcome


@on("redis-postgres", "rabbitmq-postgres")
def test_a_worker_outlives_its_broker(faulty, figure):
    restarts = faulty.crew.restarts

    outcome, harm = scenarios.broker_outage(faulty, 25)

    figure(f"broker away for 25 s on {faulty.name}: {outcome}, {harm}")
    assert outcome.kept, outcome
    assert not any(harm.values()), harm
    assert faulty.crew.restarts == restarts


@on("redis-postgres")
def test_a_database_outage_costs_no_job(faulty, figure):
    outcome, failures = scenarios.database_outage(faulty, 4)

    figure(f"database away for 4 s on {faulty.name}: {outcome}")
    assert outcome.kept, outcome
    assert failures == 0


@on("redis-postgres")
def test_a_database_that_stands_still_costs_no_job(faulty, figure):
    outcome, out_of_time = scenarios.database_stalls(faulty, STILL)

    figure(f"database still for {STILL} s on {faulty.name}: {outcome}, {out_of_time} runs out of time")
    assert outcome.kept, outcome
    assert out_of_time > 0, "no run was out of time: this test has shown nothing"


@on("rabbitmq-postgres")
def test_a_web_process_killed_after_its_commit_costs_no_job(faulty, figure):
    outcome, killed = scenarios.web_process_killed(faulty, 12)

    figure(f"web processes killed after commit on {faulty.name}: {outcome}")
    assert killed == 4
    assert outcome.kept, outcome
    assert outcome.asked == 12
