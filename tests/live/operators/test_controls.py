"""Keep the promises of pauses and cancellations with real workers, brokers and kills.

benchmarks/bench_controls.py does the same at full size. Counts are asserted; times are figures.
"""

from __future__ import annotations

import pytest

from tests.live.operators import controls

SOON = 10  # seconds: what is promised is two, and this machine may be busy


def test_a_paused_queue_starts_nothing_through_kills(environment, figure):
    found = controls.paused_through_kills(environment, jobs=60, kills=5)

    figure(f"paused on {environment.name}: {found}")
    assert (found.starts, found.effects) == (0, 0)
    assert found.outcome.is_intact, found.outcome
    assert found.outcome.dispatched == 70


def test_each_job_is_done_with_its_effect_or_cancelled_without(environment, figure):
    found = controls.cancels_raced_with_finishes(environment, 60)

    figure(f"cancels raced with finishes on {environment.name}: {found}")
    assert found.asked >= 60
    assert found.other == 0, found
    assert found.cancelled > 0, "no cancellation won: this test has shown nothing"
    assert found.outcome.is_intact, found.outcome
    assert found.outcome.dispatched == found.done


@pytest.mark.parametrize("task", ["long_job", "long_steps", "long_query"])
def test_a_running_job_is_ended_at_once(environment, figure, task):
    found = controls.cancelled_while_it_runs(environment, task)

    figure(f"{task} cancelled on {environment.name} within {found.seconds:.2f} s")
    assert (found.states, found.effects, found.starts, found.by) == ({"cancelled": 1}, 0, 0, "ann")
    assert found.seconds < SOON


def test_all_dead_jobs_are_sent_again_while_others_go_on(environment, figure):
    found = controls.acted_on_all(environment, 1500)

    figure(f"1,500 dead jobs sent again on {environment.name}: {found}")
    assert (found.states, found.doubled) == ({"done": 1500 + found.others}, 0)
    assert found.others > 0
    assert len(found.pages) > 0
