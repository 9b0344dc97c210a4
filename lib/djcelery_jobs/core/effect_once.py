"""Effect once: a job may start twice, what it does to the database happens once."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from djcelery_jobs.models import Claim


@contextmanager
def effect_once(key: str) -> Iterator[bool]:
    """Claim `key` and run the block in the same transaction.

    Yields True to the first who comes, False to all who come later, also when they come at the same moment: they
    wait at the unique key until the first has committed. When the first fails or its process is killed, its claim
    is rolled back together with its effect, and the next one gets True.

    key: what must happen once, in the words of the business: "reserve-stock:<order id>". At most 200 characters.
    """
    with transaction.atomic():
        _, first = Claim.objects.get_or_create(key=key)
        yield first
