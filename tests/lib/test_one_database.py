"""Test that every row of the job layer is read where it is written, whatever a router says about reads.

The router of the tests' project sends all reads of these rows to a replica, and no test may query it. So each test of
the library proves this for the code that it runs. Here are the ways around a manager.
"""

import pytest
from django.apps import apps
from django.db import router
from django.utils import timezone

from djcelery_jobs.models import Job, OneDatabaseModel, Redelivery, atomic, database, database_alias

MODELS = list(apps.get_app_config("djcelery_jobs").get_models())


@pytest.mark.parametrize("model", MODELS)
def test_each_model_is_read_where_it_is_written(model):
    assert issubclass(model, OneDatabaseModel)
    assert router.db_for_read(model) == "replica"
    for manager in (model.objects, model._default_manager, model._base_manager):
        assert manager.all().db == manager.filter().db == database_alias() == "default"
    assert model.objects.using("replica").db == "replica"  # whoever names one gets it


def test_a_row_is_read_again_from_there(db):
    job = Job.objects.create(task="x", queue="fast", publish_at=timezone.now())
    job._state.db = None

    job.refresh_from_db()

    assert Job.objects.raw("SELECT * FROM djcelery_jobs_job").using("default")[0] == job
    assert Job(pk=job.pk).task == ""


@pytest.mark.django_db
def test_what_is_counted_is_seen_at_once():
    assert [Redelivery.count("id", "task") for _ in range(3)] == [1, 2, 3]


def test_a_transaction_is_one_of_that_database(db):
    with atomic():
        assert database().in_atomic_block
        assert database().alias == "default"
