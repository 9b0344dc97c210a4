from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from djcelery_jobs.core.effect_once import effect_once
from djcelery_jobs.models import Effect


def test_the_first_gets_it_and_the_second_does_not(db):
    with effect_once("k") as first:
        assert first
    with effect_once("k") as again:
        assert not again


def test_a_failed_effect_gives_its_claim_back(db):
    with pytest.raises(RuntimeError), effect_once("k"):
        raise RuntimeError

    with effect_once("k") as first:
        assert first


def test_an_outer_transaction_that_rolls_back_takes_the_claim_with_it(db):
    with pytest.raises(RuntimeError), transaction.atomic(), effect_once("k"):
        raise RuntimeError

    assert not Effect.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_six_deliveries_at_once_have_one_effect_for_each_key():
    effects = []

    def deliver(_):
        try:
            for key in range(20):
                with effect_once(f"k{key}") as first:
                    if first:
                        effects.append(key)
        finally:
            connection.close()  # each thread has its own, as each worker has

    with ThreadPoolExecutor(6) as deliveries:
        list(deliveries.map(deliver, range(6)))

    assert sorted(effects) == list(range(20))
