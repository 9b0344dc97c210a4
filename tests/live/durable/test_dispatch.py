"""Test that thousands of jobs at once are written in few statements and published in few round trips."""

from __future__ import annotations

from kombu import Connection

from tests.live.durable.exactly_once import messages
from tests.live.harness.environment import Environment, running_environment

JOBS = 2_000
ROWS = 500  # in one statement
AT_COMMIT = 200  # messages that a transaction publishes itself
RELAY = "from djcelery_jobs.core.relay import relay\nwhile relay(): pass"
BEGIN_AND_COMMIT = 2


def test_thousands_of_jobs_take_few_statements_and_few_round_trips():
    with running_environment("redis", "postgres") as environment:
        environment.ask("dispatch", "1")  # declares the queue
        before = reads(environment)

        statements = environment.ask("dispatch", str(JOBS))["statements"]

        assert messages(environment, "fast") == 1 + AT_COMMIT  # the caller does not wait for the others
        assert statements <= JOBS / ROWS + BEGIN_AND_COMMIT
        environment.shell(RELAY)
        assert messages(environment, "fast") == 1 + JOBS
        assert reads(environment) - before < JOBS / 5  # one by one it would be one for each


def reads(environment: Environment) -> int:
    """Return how often the server has read from a connection. A long text takes several of them."""
    [url] = environment.broker.variables.values()
    with Connection(url) as connection, connection.channel() as channel:
        return int(channel.client.info("stats")["total_reads_processed"])
