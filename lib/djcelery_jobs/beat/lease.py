"""A lock with an end, held in the database that the project runs on anyway."""

import os
import socket
import time
import uuid
from datetime import timedelta

from django.db import IntegrityError
from django.db.models import Q
from django.db.models.functions import Now

from djcelery_jobs.models import Lease


class LeaseLock:
    """Allow at most one holder at a time. A holder that dies loses the lock after `seconds`.

    All times are the database's: the clocks of the machines need not agree.
    """

    def __init__(self, name: str, *, seconds: float) -> None:
        self.name = name
        self.seconds = seconds
        self.renew_at = 0.0  # on the monotonic clock
        self.holder = f"{socket.gethostname()[:50]}:{os.getpid()}:{uuid.uuid4().hex[:8]}"

    @property
    def is_fresh(self) -> bool:
        """Return whether less than a third of its time has passed since it was taken or renewed."""
        return time.monotonic() < self.renew_at

    def hold(self) -> bool:
        """Take the lock or renew it. True: it is ours, for `seconds` since we asked. False: somebody else has it."""
        while True:
            asked = time.monotonic()
            held = self._hold()
            # After a network failure, an answer can arrive when somebody else already holds the lock: ask again.
            if not held or time.monotonic() - asked < self.seconds:
                self.renew_at = asked + self.seconds / 3 if held else 0.0
                return held

    def _hold(self) -> bool:
        expires_at = Now() + timedelta(seconds=self.seconds)
        ours_or_over = Q(holder=self.holder) | Q(expires_at__lt=Now())
        mine = Lease.objects.filter(ours_or_over, name=self.name)
        if mine.update(holder=self.holder, expires_at=expires_at):
            return True
        try:
            _, created = Lease.objects.get_or_create(
                name=self.name, defaults={"holder": self.holder, "expires_at": expires_at}
            )
        except IntegrityError:  # another process created it in this moment
            return False
        return created

    def release(self) -> None:
        """Give the lock up, so that the next holder need not wait for its end."""
        self.renew_at = 0.0
        Lease.objects.filter(name=self.name, holder=self.holder).delete()
