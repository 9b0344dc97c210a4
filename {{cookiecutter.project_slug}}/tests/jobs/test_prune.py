from datetime import timedelta

import pytest
from django.utils import timezone

from jobs import tasks
from jobs.models import Claim, Redelivery


@pytest.fixture
def old(db):
    then = timezone.now() - timedelta(days=tasks.KEPT + 1)
    Claim.objects.bulk_create(Claim(key=f"old {n}") for n in range(7))
    Redelivery.objects.bulk_create(Redelivery(task_id=f"old {n}", task="x") for n in range(3))
    Claim.objects.update(created_at=then)
    Redelivery.objects.update(last_at=then)


def test_deletes_what_is_old_in_batches_and_nothing_else(old, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(tasks, "BATCH", 3)
    Claim.objects.create(key="new")

    assert tasks.prune_claims() == 10
    assert tasks.prune_claims() == 0

    assert [claim.key for claim in Claim.objects.all()] == ["new"]
    assert not Redelivery.objects.exists()
