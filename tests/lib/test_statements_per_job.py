"""How many statements a job costs."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from djcelery_jobs.core.durable import DurableTask
from djcelery_jobs.models import State
from tests.lib.durable_jobs import the_job

pytestmark = pytest.mark.django_db


def test_a_dispatch_is_one_statement(add, broker, committed, django_assert_num_queries):
    with django_assert_num_queries(1), committed():
        add.delay("a")


def test_a_run_is_one_statement_to_begin_and_a_transaction_of_two_for_the_effect(task, broker, committed):
    def nothing():
        """Leave only what the row costs."""

    with committed():
        task(nothing, base=DurableTask).delay()
    with CaptureQueriesContext(connection) as queries:
        broker.run_one()

    assert [query["sql"].split()[0] for query in queries] == ["UPDATE", "SAVEPOINT", "SELECT", "UPDATE", "RELEASE"]
    assert the_job().state == State.DONE
