"""What the job layer remembers in the database."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q


class State(models.TextChoices):
    DELAYED = "delayed", "delayed"  # the relay publishes it when `publish_at` has come
    WAITING = "waiting", "waiting or running"  # published; the broker or a worker has it
    DONE = "done", "done"
    DEAD = "dead", "dead"  # failed for good: somebody must look
    DISCARDED = "discarded", "discarded"


UNFINISHED = [State.DELAYED, State.WAITING]


class Job(models.Model):
    """One job: outbox, ledger and dead letter in one row. ledger.py says how it changes, and nothing else does."""

    # Also the Celery task id. It never changes, whatever happens to the job.
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    task = models.CharField(max_length=200)
    args = models.JSONField(default=list)
    kwargs = models.JSONField(default=dict)
    options = models.JSONField(default=dict)
    queue = models.CharField(max_length=100)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    # At most one unfinished job may have a given key.
    key = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001  NULL is the one value that may repeat
    # When the relay publishes it (again), unless it is finished by then.
    publish_at = models.DateTimeField()
    publications = models.PositiveIntegerField(default=0)  # by the relay, since a worker had it last
    attempts = models.PositiveIntegerField("retries", default=0)
    # Runs that began and did not end in any orderly way, because a process was killed under them.
    starts = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(max_length=100, blank=True)  # which ran it last
    expires_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True)
    traceback = models.TextField(blank=True)
    dispatched_by = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key"], condition=Q(state__in=UNFINISHED), name="jobs_unfinished_key")
        ]
        # Partial: what the relay and the dead letters look at stays small, however many finished rows there are.
        indexes = [
            models.Index(fields=["publish_at"], condition=Q(state__in=UNFINISHED), name="jobs_to_publish"),
            models.Index(fields=["finished_at"], condition=~Q(state__in=UNFINISHED), name="jobs_finished"),
            models.Index(fields=["-created_at"], condition=Q(state=State.DEAD), name="jobs_dead"),
        ]
        permissions = [("requeue_job", "Can send dead jobs again"), ("discard_job", "Can discard dead jobs")]

    def __str__(self) -> str:
        return f"{self.task} {self.pk}"


class Claim(models.Model):
    """An effect that happened. Its row is written in the effect's own transaction; see claims.py."""

    key = models.CharField(max_length=200, unique=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    def __str__(self) -> str:
        return self.key


class Redelivery(models.Model):
    """How often a message of a plain task came back because its worker had died; see task.py."""

    task_id = models.CharField(max_length=200, primary_key=True)
    task = models.CharField(max_length=200)
    count_so_far = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField(auto_now=True, db_index=True)

    class Meta:
        verbose_name_plural = "redeliveries"

    def __str__(self) -> str:
        return f"{self.task} {self.task_id}: {self.count_so_far}"

    @classmethod
    def count(cls, task_id: str, task: str) -> int:
        """Count one more redelivery of the message and return how many there are."""
        cls.objects.get_or_create(task_id=task_id, defaults={"task": task})
        cls.objects.filter(task_id=task_id).update(count_so_far=models.F("count_so_far") + 1)
        return cls.objects.get(task_id=task_id).count_so_far


class Lease(models.Model):
    """A lock that its holder must renew, so that nobody holds it dead; see lease.py."""

    name = models.CharField(max_length=50, primary_key=True)
    holder = models.CharField(max_length=100)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name}: {self.holder}"


class ScheduleState(models.Model):
    """When an entry of the schedule ran last, so that any beat on any machine goes on where the last one stopped."""

    entry = models.CharField(max_length=200, primary_key=True)
    last_run_at = models.DateTimeField()
    runs = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return self.entry
