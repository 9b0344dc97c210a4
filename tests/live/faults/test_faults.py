"""What is promised holds while everything is killed. benchmarks/faults.py does the same at full size.

Counts are asserted; times are figures, and the bounds on them are generous.
"""

from __future__ import annotations

import scenarios
from storm import Storm, rage

STARTS = 4  # the first, and three that come back


def test_a_storm_of_kills_loses_and_doubles_nothing(faulty, figure):
    postgres = "postgres" in faulty.variables["DATABASE_URL"]
    storm = Storm(
        jobs=400,
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


def test_poison_is_buried_and_nobody_with_it(faulty, figure):
    outcome = scenarios.poison(faulty, 100, ("child", "worker"))

    figure(f"poison on {faulty.name}: {outcome}")
    assert outcome.starts == [STARTS, STARTS]
    assert (outcome.dead, outcome.done, outcome.condemned) == (2, 100, 0)


def test_rolling_restarts_cost_nothing(faulty, figure):
    outcome = scenarios.rolling_restarts(faulty, 20)

    figure(f"rolling restarts on {faulty.name}: {outcome}")
    assert outcome.kept, outcome


def test_jobs_of_a_killed_worker_run_again_soon(faulty, figure):
    outcome, seconds = scenarios.killed_with_prefetched_jobs(faulty)

    figure(f"kill -9 of workers with prefetched jobs on {faulty.name}: all began again within {seconds:.1f} s")
    assert outcome.kept, outcome
    assert seconds < 45


def test_a_database_outage_costs_no_job(faulty, figure):
    outcome = scenarios.database_outage(faulty, 4)

    figure(f"database away for 4 s on {faulty.name}: {outcome}")
    assert outcome.kept, outcome


def test_a_web_process_killed_after_its_commit_costs_no_job(faulty, figure):
    outcome, killed = scenarios.web_process_killed(faulty, 12)

    figure(f"web processes killed after commit on {faulty.name}: {outcome}")
    assert killed == 4
    assert outcome.kept, outcome
    assert outcome.asked == 12
