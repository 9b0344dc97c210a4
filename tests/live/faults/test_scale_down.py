"""A worker that is asked to stop and given the time, as the Kubernetes manifests do it, finishes what it runs."""

from __future__ import annotations

import pytest
import scenarios
from rig import rig


@pytest.mark.parametrize("broker", ["redis", "rabbitmq"])
def test_a_worker_that_has_the_time_finishes_its_jobs(broker, figure):
    with rig(broker, "postgres") as made:
        made.run_beat()

        outcome, code = scenarios.scaled_down(made)

        figure(f"scale-down during two long jobs on {made.name}: {outcome}")
        assert (made.starts(1), made.starts(2)) == (1, 1)
        assert code == 0
        assert outcome.cut_off == 0
        assert outcome.kept, outcome
