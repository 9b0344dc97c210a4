"""Who leads is killed while jobs are dispatched and run; another node goes on, and no job is lost.

Counts are asserted; times are figures.
"""

from __future__ import annotations

import time

import pytest
from nodes import NODES, RabbitMQCluster, SentinelledValkey
from processes import eventually
from rig import ended

JOBS = 200
LOAD = {"rate": 15, "longest": 0.3, "tasks": "durable,durable,stepwise"}


def on(broker: type[RabbitMQCluster] | type[SentinelledValkey]) -> pytest.MarkDecorator:
    """Run the test on this broker; tests on the same one share it."""
    return pytest.mark.parametrize("at_work", [broker], indirect=True, ids=[broker.__name__])


@on(RabbitMQCluster)
def test_two_leaders_of_a_queue_are_killed_one_after_the_other(shop, figure):
    cluster = shop.broker
    publisher = shop.publish(0, JOBS, **LOAD)
    shop.wait_for_effects(20)

    first = _kill_leader(cluster)
    shop.wait_for_effects(JOBS // 3)
    _bring_back(cluster, first)
    second = _kill_leader(cluster)

    assert ended(publisher) == 0
    shop.settle(120)
    _bring_back(cluster, second)
    outcome = shop.outcome()
    figure(f"{shop.name}, the leader killed twice: {outcome}")
    assert outcome.kept, outcome
    assert outcome.asked == JOBS


@on(RabbitMQCluster)
def test_where_every_node_has_a_copy_no_plain_job_is_lost_that_was_taken(shop, figure):
    publisher = shop.publish(0, JOBS, **LOAD | {"tasks": "plain"})
    shop.wait_for_effects(20)

    killed = _kill_leader(shop.broker)

    assert ended(publisher) == 0
    refused = len(publisher.lines("^refused "))
    eventually("all that was taken", lambda: shop.outcome().lost <= refused)
    outcome = shop.outcome()
    figure(f"{shop.name}, plain jobs, the leader killed: {outcome}, and {refused} of them refused with an error")
    assert outcome.asked - refused > JOBS // 2
    _bring_back(shop.broker, killed)


@on(RabbitMQCluster)
def test_a_process_that_starts_while_the_first_node_is_dead_publishes_at_the_next(shop):
    _kill(shop.broker, next(iter(shop.broker.nodes)))

    publisher = shop.publish(0, 60, **LOAD)

    assert ended(publisher) == 0
    # One publish may meet a slow moment and leave its job to the relay; of a process that stays with the dead node,
    # none arrives.
    assert publisher.lines("task_enqueued")
    shop.settle(120)
    assert shop.outcome().kept, shop.outcome()


@on(SentinelledValkey)
def test_sentinels_put_one_server_into_the_place_of_the_other_and_back(shop, figure):
    cluster = shop.broker
    publisher = shop.publish(0, JOBS, **LOAD)
    shop.wait_for_effects(20)

    first, took = _kill_primary(cluster)
    cluster.run(first)
    eventually("the old server follows", lambda: cluster.is_replica(first))
    _kill_primary(cluster)

    assert ended(publisher) == 0
    shop.settle(120)
    outcome = shop.outcome()
    figure(f"{shop.name}, two failovers, the first within {took:.1f} s: {outcome}")
    assert outcome.kept, outcome
    assert outcome.asked == JOBS


def _kill_leader(cluster: RabbitMQCluster) -> str:
    """kill -9 of the node that leads the queue `fast`. Returns its name when another one leads."""
    leader = cluster.leader("fast")
    _kill(cluster, leader)
    return leader


def _kill(cluster: RabbitMQCluster, node: str) -> None:
    cluster.nodes[node].kill()
    eventually("another leader", lambda: cluster.leader("fast") not in ("", node))


def _bring_back(cluster: RabbitMQCluster, node: str) -> None:
    cluster.nodes[node].start()
    eventually("all copies in step", lambda: cluster.copies("fast") == NODES)


def _kill_primary(cluster: SentinelledValkey) -> tuple[int, float]:
    """kill -9 of the server that all use. Returns its port, and the seconds until the sentinels had another one."""
    primary, killed = cluster.primary(), time.monotonic()
    cluster.kill(primary)
    eventually("another server", lambda: cluster.primary() != primary)
    return primary, time.monotonic() - killed
