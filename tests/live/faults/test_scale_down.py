"""Stop a worker and give it time, as the Kubernetes manifests do: it finishes what it runs."""

from __future__ import annotations

import pytest

from tests.live.faults import scenarios
from tests.live.harness.environment import running_environment


@pytest.mark.parametrize("broker", ["redis", "rabbitmq"])
def test_a_worker_that_has_the_time_finishes_its_jobs(broker, figure):
    with running_environment(broker, "postgres") as environment:
        environment.supervise_beat()

        outcome, code = scenarios.scaled_down(environment)

        figure(f"scale-down during two long jobs on {environment.name}: {outcome}")
        assert (environment.starts(1), environment.starts(2)) == (1, 1)
        assert code == 0
        assert outcome.interrupted == 0
        assert outcome.is_intact, outcome
