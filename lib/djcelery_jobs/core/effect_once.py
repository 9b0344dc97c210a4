"""Let an effect happen once, although its job may start twice."""

from collections.abc import Iterator
from contextlib import contextmanager

from djcelery_jobs.models import Effect, atomic


@contextmanager
def effect_once(key: str) -> Iterator[bool]:
    """Record `key` and run the block in the same transaction.

    Yield True to the first caller and False to all later ones. A caller that comes at the same moment waits until the
    first has committed. If the first fails or its process is killed, the key and the effect are rolled back together,
    and the next caller gets True.

    key: names the effect that must happen once, such as "reserve-stock:<order id>". At most 200 characters.
    """
    with atomic():
        _, is_first = Effect.objects.get_or_create(key=key)
        yield is_first
