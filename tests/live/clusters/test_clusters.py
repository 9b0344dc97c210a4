"""Kill the node that leads while jobs are dispatched and run: another goes on, and no job is lost.

Counts are asserted; times are figures.
"""

from __future__ import annotations

import time

import pytest

from tests.live.clusters.nodes import RabbitMQCluster, SentinelledValkey
from tests.live.harness.environment import exit_code
from tests.live.harness.processes import eventually

JOBS = 200
LOAD = {"rate": 15, "longest": 0.3, "tasks": "durable,durable,stepwise"}


def on(broker: type[RabbitMQCluster] | type[SentinelledValkey]) -> pytest.MarkDecorator:
    """Run the test on this broker; tests on the same one share it."""
    return pytest.mark.parametrize("servers", [broker], indirect=True, ids=[broker.__name__])


@on(RabbitMQCluster)
def test_two_leaders_of_a_queue_are_killed_one_after_the_other(environment, figure):
    cluster = environment.broker
    dispatching = environment.dispatch(0, JOBS, **LOAD)
    environment.wait_for_effects(20)

    first = _kill_leader(cluster)
    environment.wait_for_effects(JOBS // 3)
    _bring_back(cluster, first)
    second = _kill_leader(cluster)

    assert exit_code(dispatching) == 0
    environment.settle(120)
    _bring_back(cluster, second)
    outcome = environment.outcome()
    figure(f"{environment.name}, the leader killed twice: {outcome}")
    assert outcome.is_intact, outcome
    assert outcome.dispatched == JOBS


@on(RabbitMQCluster)
def test_where_every_node_has_a_copy_no_plain_job_is_lost_that_was_taken(environment, figure):
    dispatching = environment.dispatch(0, JOBS, **LOAD | {"tasks": "plain"})
    environment.wait_for_effects(20)

    killed = _kill_leader(environment.broker)

    assert exit_code(dispatching) == 0
    refused = len(dispatching.lines("^refused "))
    eventually("all that was taken", lambda: environment.outcome().lost <= refused)
    outcome = environment.outcome()
    figure(f"{environment.name}, plain jobs, the leader killed: {outcome}, and {refused} of them refused with an error")
    assert outcome.dispatched - refused > JOBS // 2
    _bring_back(environment.broker, killed)


@on(RabbitMQCluster)
def test_a_process_that_starts_while_the_first_node_is_dead_publishes_at_the_next(environment):
    _kill(environment.broker, next(iter(environment.broker.nodes)))

    dispatching = environment.dispatch(0, 60, **LOAD)

    assert exit_code(dispatching) == 0
    # One publish may meet a slow moment and leave its job to the relay; of a process that stays with the dead node,
    # none arrives.
    assert dispatching.lines("task_enqueued")
    environment.settle(120)
    assert environment.outcome().is_intact, environment.outcome()


@on(SentinelledValkey)
def test_sentinels_put_one_server_into_the_place_of_the_other_and_back(environment, figure):
    cluster = environment.broker
    dispatching = environment.dispatch(0, JOBS, **LOAD)
    environment.wait_for_effects(20)

    first, took = _kill_primary(cluster)
    cluster.run(first)
    eventually("the old server follows", lambda: cluster.is_replica(first))
    _kill_primary(cluster)

    assert exit_code(dispatching) == 0
    environment.settle(120)
    outcome = environment.outcome()
    figure(f"{environment.name}, two failovers, the first within {took:.1f} s: {outcome}")
    assert outcome.is_intact, outcome
    assert outcome.dispatched == JOBS


def _kill_leader(cluster: RabbitMQCluster) -> str:
    """Kill the node that leads the queue `fast` with kill -9, and return its name when another one leads."""
    leader = cluster.wait_for_leader("shop.fast")
    _kill(cluster, leader)
    return leader


def _kill(cluster: RabbitMQCluster, node: str) -> None:
    cluster.nodes[node].kill()
    cluster.wait_for_leader("shop.fast", other_than=node)


def _bring_back(cluster: RabbitMQCluster, node: str) -> None:
    cluster.nodes[node].start()
    cluster.wait_for_copies("shop.fast")


def _kill_primary(cluster: SentinelledValkey) -> tuple[int, float]:
    """Kill the server that all use with kill -9. Return its port, and the seconds until another one was there."""
    primary, killed = eventually("a server", cluster.primary), time.monotonic()
    cluster.kill(primary)
    eventually("another server", lambda: cluster.primary() not in (0, primary))
    return primary, time.monotonic() - killed
