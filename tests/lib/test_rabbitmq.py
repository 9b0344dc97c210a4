import subprocess
import sys

import pytest
from celery import current_app

from djcelery_jobs.brokers.options import node_count
from djcelery_jobs.brokers.rabbitmq import dead_queue, queues, tls_options
from djcelery_jobs.brokers.workloads import Workload


def workload(**changes):
    return Workload(**{"concurrency": 1, "prefetch": 1, "soft_limit": 10, "hard_limit": 20, **changes})


def arguments(**changes):
    [queue] = queues({"q": workload(**changes)})
    return queue.queue_arguments


def test_a_queue_is_replicated_and_bounds_how_often_a_message_comes_back():
    assert arguments()["x-queue-type"] == "quorum"
    assert arguments()["x-delivery-limit"] == 3


def test_one_word_makes_it_a_priority_queue():
    assert arguments(kind="priority")["x-queue-type"] == "classic"
    assert arguments(kind="priority")["x-max-priority"] == 10


def test_one_word_makes_it_strictly_ordered():
    assert arguments(kind="ordered")["x-single-active-consumer"] is True


@pytest.mark.parametrize("wrong", [{"concurrency": 2}, {"prefetch": 2}])
def test_an_ordered_queue_with_two_jobs_at_once_is_refused(wrong):
    with pytest.raises(ValueError, match="two jobs at once have no order"):
        workload(kind="ordered", **wrong)


@pytest.mark.parametrize("kind", ["quorum", "priority", "ordered"])
def test_every_kind_has_a_dead_queue(kind):
    assert arguments(kind=kind)["x-dead-letter-routing-key"] == "q.dead"


def test_who_declares_a_queue_declares_its_dead_queue():
    with current_app.connection_for_write() as connection:
        channel = connection.channel()
        [queue] = queues({"declared": workload()})
        queue(channel).declare()
        assert dead_queue("declared")(channel).get() is None  # raises when it is not there


def test_who_binds_a_queue_declares_it():
    with current_app.connection_for_write() as connection:
        channel = connection.channel()
        [queue] = queues({"bound": workload()})
        channel.exchange_declare("an exchange of this test", type="topic")
        queue(channel).bind_to("an exchange of this test", routing_key="#.bound")
        assert queue(channel).get() is None  # raises when it is not there
        assert dead_queue("bound")(channel).get() is None


def test_no_worker_consumes_a_dead_queue():
    assert not [name for name in current_app.amqp.queues if name.endswith(".dead")]


def test_who_publishes_to_a_cluster_tries_each_node():
    assert node_count("amqp://one:5672//;amqp://two:5672//;amqp://three:5672//") == 3
    assert node_count("sentinel://one:26379/0;sentinel://two:26379/0") == 1  # sentinels say which server is the one


def test_behind_tls_the_certificate_must_be_that_of_the_host():
    assert tls_options("amqps://one:5671//")["server_hostname"] == "one"
    assert tls_options("amqp://one:5672//") is None


def test_the_nodes_of_a_cluster_share_one_name():
    cluster = "amqps://one:5671//;amqps://two:5671//"
    assert tls_options(cluster, "rabbitmq.example.com")["server_hostname"] == "rabbitmq.example.com"
    assert tls_options(cluster)["server_hostname"] is None


@pytest.mark.parametrize("scheme", ["amqp", "amqps", "pyamqp", "redis", "rediss", "sentinel"])
def test_our_transports_are_found_where_djangos_apps_are_not_loaded(scheme):
    code = (
        f"from celery import Celery; app = Celery(amqp='djcelery_jobs:AMQP', broker='{scheme}://'); "
        "print(app.connection_for_write().get_transport_cls().__module__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.startswith("djcelery_jobs.brokers.")
