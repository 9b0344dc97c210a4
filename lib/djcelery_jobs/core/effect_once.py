"""Let an effect happen once, although its job may start twice."""

from collections.abc import Iterator
from contextlib import contextmanager

from djcelery_jobs.models import Effect, atomic


@contextmanager
def effect_once(key: str) -> Iterator[bool]:
    """Record `key` and run the block in the same transaction.

    Yield True to the first caller and False to all later ones. Callers that come at the same moment wait at the unique
    key until the first has committed. When the first fails or its process is killed, its record is rolled back together
    with its effect, and the next caller gets True.

    key: what must happen once, in the words of the business: "reserve-stock:<order id>". At most 200 characters.
    """
    with atomic():
        _, is_first = Effect.objects.get_or_create(key=key)
        yield is_first
