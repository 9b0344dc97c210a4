"""The rows of the job layer. All of them are in one database."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.db import connections, models, router, transaction
from django.db.models import Q
from django.db.models.functions import Now

from djcelery_jobs.storable import text


class State(models.TextChoices):
    DELAYED = "delayed", "delayed"  # the relay publishes it when `publish_at` has come
    NEXT = "next", "next for its key"  # delayed until the job has ended that runs with its key
    WAITING = "waiting", "waiting or running"  # published; the broker or a worker has it
    DONE = "done", "done"
    DEAD = "dead", "dead"  # failed for good: somebody must look
    DISCARDED = "discarded", "discarded"
    CANCELLED = "cancelled", "cancelled"  # somebody ended it before it was done; `cancelled_by` says who


UNFINISHED = [State.DELAYED, State.NEXT, State.WAITING]
HAS_KEY = [State.DELAYED, State.WAITING]  # at most one of these for a key
SET_ASIDE = [State.DEAD, State.DISCARDED, State.CANCELLED]  # few rows, which people list state by state
KEY_LENGTH = 200  # characters
SUBJECT_LENGTH = 64  # characters; a UUID has 36


class OneDatabaseManager(models.Manager):
    """Read where the router writes: a replica may not have a row yet that was just written."""

    def get_queryset(self) -> models.QuerySet[Any]:
        """Return a query on the one database, unless the caller has named another with `using`."""
        queryset = super().get_queryset()
        return queryset if self._db else queryset.using(database_alias())


class OneDatabaseModel(models.Model):
    """Keep the rows of a model of the job layer in the one database."""

    objects = OneDatabaseManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"  # refresh_from_db() too


class Job(OneDatabaseModel):
    """Keep one job: outbox, ledger and dead letter in one row. Only ledger.py changes its state."""

    # Also the Celery task id. It never changes, whatever happens to the job.
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    task = models.CharField(max_length=200)
    args = models.JSONField(default=list)
    kwargs = models.JSONField(default=dict)
    options = models.JSONField(default=dict)
    # What it is about: its first argument, such as the id of an order, by which a person finds it.
    subject = models.CharField(max_length=SUBJECT_LENGTH, blank=True)
    queue = models.CharField(max_length=100)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    # At most one delayed, waiting or running job may have a given key, and one more may be the next.
    key = models.CharField(max_length=KEY_LENGTH, null=True, blank=True)  # noqa: DJ001  NULL is the one value that may repeat
    # When the relay publishes it (again), unless it is finished by then.
    publish_at = models.DateTimeField()
    # The broker is not known to hold a message of it: the relay publishes it when due, however long the queue is.
    needs_publishing = models.BooleanField(default=False, db_default=False)
    # A worker got its message while its queue or task was paused. Beat lets it go on when the pause has ended.
    held = models.BooleanField(default=False, db_default=False)
    publications = models.PositiveIntegerField(default=0)  # looks of the relay at it since a worker had it last
    waiting_since = models.DateTimeField(null=True, blank=True)  # since when a worker may run it
    attempts = models.PositiveIntegerField(default=0)
    # Runs that began and did not end in any orderly way, because a process was killed under them.
    starts = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(max_length=100, blank=True)  # which ran it last
    # By which message that run began. Of several messages for one job, each has an id of its own.
    message_id = models.CharField(max_length=36, blank=True, default="", db_default="")
    expires_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True)
    error_class = models.CharField(max_length=200, blank=True)  # its path, such as builtins.ValueError
    traceback = models.TextField(blank=True)
    # Of each run that ended without finishing the job: its worker, when it began, and its error. Mostly there is none.
    earlier_runs = models.JSONField(null=True, blank=True)
    return_value = models.JSONField(null=True, blank=True)  # only of a `@task` that keeps it
    dispatched_by = models.CharField(max_length=200, blank=True)
    caused_by = models.UUIDField(null=True, blank=True)  # the job that dispatched it
    replaces = models.UUIDField(null=True, blank=True)  # the dead job that somebody sent again with other arguments
    cancelled_by = models.CharField(max_length=200, blank=True, default="", db_default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["key"], condition=Q(state__in=HAS_KEY), name="djcelery_jobs_unfinished_key"
            ),
            models.UniqueConstraint(fields=["key"], condition=Q(state=State.NEXT), name="djcelery_jobs_next_for_key"),
        ]
        # Partial: what the relay and the dead letters look at stays small, however many finished rows there are.
        indexes = [
            models.Index(fields=["publish_at"], condition=Q(state__in=UNFINISHED), name="djcelery_jobs_to_publish"),
            models.Index(fields=["queue", "task"], condition=Q(held=True), name="djcelery_jobs_held"),
            models.Index(fields=["finished_at"], condition=~Q(state__in=UNFINISHED), name="djcelery_jobs_finished"),
            models.Index(
                # The last two let PostgreSQL group failures without reading the rows.
                fields=["state", "-created_at", "-id", "task", "error_class"],
                condition=Q(state__in=SET_ASIDE),
                name="djcelery_jobs_set_aside",
            ),
            models.Index(fields=["queue"], condition=Q(state=State.DEAD), name="djcelery_jobs_dead_in_queue"),
            models.Index(
                fields=["queue", "waiting_since"],
                condition=Q(state=State.WAITING, started_at__isnull=True, held=False),
                name="djcelery_jobs_waiting",
            ),
            models.Index(
                fields=["queue", "publications", "publish_at"],
                condition=Q(state=State.WAITING, publications__gte=2),
                name="djcelery_jobs_rarely_seen",
            ),
            # For people who look for one job among all that are kept.
            models.Index(fields=["-created_at", "-id"], name="djcelery_jobs_newest"),
            models.Index(fields=["subject", "-created_at"], name="djcelery_jobs_subject"),
            models.Index(fields=["caused_by"], condition=Q(caused_by__isnull=False), name="djcelery_jobs_caused_by"),
            models.Index(fields=["replaces"], condition=Q(replaces__isnull=False), name="djcelery_jobs_replaces"),
            models.Index(fields=["key", "-created_at"], condition=Q(key__isnull=False), name="djcelery_jobs_key"),
        ]
        permissions = [
            ("requeue_job", "Can send dead jobs again"),
            ("discard_job", "Can discard dead jobs"),
            ("cancel_job", "Can cancel jobs"),
            ("run_job", "Can run delayed jobs and schedule entries now"),
            ("pause_job", "Can pause and resume queues, tasks and schedule entries"),
        ]

    def __str__(self) -> str:
        return f"{self.task} {self.pk}"


def database_alias() -> str:
    """Return the alias of the database that holds every row of the job layer."""
    return router.db_for_write(Job)


def database() -> Any:
    """Return the connection to that database."""
    return connections[database_alias()]


def atomic() -> transaction.Atomic:
    """Return a transaction of that database, to be used with `with`."""
    return transaction.atomic(using=database_alias())


class Overview(Job):
    """Give the jobs page a place in the admin's list of models."""

    class Meta:
        proxy = True
        default_permissions = ()
        verbose_name = verbose_name_plural = "overview"


def job_id(task_id: object) -> uuid.UUID:
    """Return the key of the row for a task id, which need not be a UUID."""
    try:
        return uuid.UUID(str(task_id))
    except ValueError:
        return uuid.uuid5(uuid.NAMESPACE_OID, str(task_id))


def subject(args: Iterable[Any], kwargs: Mapping[str, Any]) -> str:
    """Return what a job with these arguments is about: the first of them, if it is a plain text or number."""
    first = next(iter([*args, *kwargs.values()]), None)
    return text(str(first))[:SUBJECT_LENGTH] if isinstance(first, str | int | uuid.UUID) else ""


class PauseKind:
    """Name what can be paused."""

    QUEUE: Final = "queue"
    TASK: Final = "task"
    ENTRY: Final = "entry"  # of the schedule


class Pause(OneDatabaseModel):
    """Keep something from starting until somebody deletes this row: a queue, a task or an entry; see pauses.py."""

    kind = models.CharField(max_length=5)  # of PauseKind
    name = models.CharField(max_length=200)
    paused_by = models.CharField(max_length=200)
    paused_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "name"], name="djcelery_jobs_one_pause")]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Cancellation(OneDatabaseModel):
    """Ask for the end of a job that may be running. Whoever ends the run deletes this row; see ledger.py."""

    job = models.UUIDField(primary_key=True)
    requested_by = models.CharField(max_length=200)
    requested_at = models.DateTimeField(db_default=Now())  # by the database's clock, as the age of a transaction

    def __str__(self) -> str:
        return str(self.job)


class HeldMessage(OneDatabaseModel):
    """Keep the message of a plain task that reached a worker during a pause; see pauses.py."""

    task_id = models.CharField(max_length=255)
    task = models.CharField(max_length=255)
    queue = models.CharField(max_length=100)
    signature = models.TextField()  # Celery's, in Celery's JSON
    held_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["queue", "task"], name="djcelery_jobs_held_message")]

    def __str__(self) -> str:
        return f"{self.task} {self.task_id}"


class BulkAction(OneDatabaseModel):
    """Carry out one decision on every job that matches a filter, batch by batch, in beat; see bulk.py."""

    action = models.CharField(max_length=20)
    filter = models.JSONField(default=dict)
    requested_by = models.CharField(max_length=200)
    requested_at = models.DateTimeField(auto_now_add=True)
    expected = models.PositiveIntegerField(default=0)  # jobs that matched when it was confirmed
    looked_at = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    cursor = models.CharField(max_length=80, blank=True)  # the job that was looked at last
    error = models.CharField(max_length=500, blank=True)  # why it stopped early
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["id"], condition=Q(finished_at__isnull=True), name="djcelery_jobs_open_actions")
        ]

    def __str__(self) -> str:
        return f"{self.action} by {self.requested_by}"


class Effect(OneDatabaseModel):
    """Record an effect that happened, in the effect's own transaction; see effect_once.py."""

    key = models.CharField(max_length=200, unique=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    def __str__(self) -> str:
        return self.key


class Redelivery(OneDatabaseModel):
    """Count how often a message of a plain task came back because its worker had died; see task.py."""

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


class Lease(OneDatabaseModel):
    """Hold a lock that expires unless its holder renews it; see lease.py."""

    name = models.CharField(max_length=50, primary_key=True)
    holder = models.CharField(max_length=100)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name}: {self.holder}"


class ScheduleState(OneDatabaseModel):
    """Remember when an entry of the schedule ran last, so that any beat continues where the last one stopped."""

    entry = models.CharField(max_length=200, primary_key=True)
    last_run_at = models.DateTimeField()  # the next run is counted from here: also a run that was skipped
    ran_at = models.DateTimeField(null=True, blank=True)  # when it was last sent
    runs = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return self.entry


class Heartbeat(OneDatabaseModel):
    """Show that a worker is alive and what it does; the worker writes it every few seconds; see reporter.py."""

    worker = models.CharField(max_length=200, primary_key=True)
    queues = models.JSONField(default=list)
    consuming = models.BooleanField(default=False)
    concurrency = models.PositiveIntegerField(default=0)
    running = models.PositiveIntegerField(default=0)
    jobs = models.JSONField(default=list)  # some of those that run: id, task, queue, and when it began
    fetched = models.JSONField(default=dict)  # by queue: since when the message that it took last had waited
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.worker


class Tally(OneDatabaseModel):
    """Count the runs of one task in one queue that have ended, since the project began; see run_counts.py."""

    queue = models.CharField(max_length=100)
    task = models.CharField(max_length=200)
    outcome = models.CharField(max_length=10)
    count = models.PositiveBigIntegerField(default=0)
    seconds = models.FloatField(default=0)
    buckets = models.JSONField(default=dict)

    class Meta:
        verbose_name_plural = "tallies"
        constraints = [models.UniqueConstraint(fields=["queue", "task", "outcome"], name="djcelery_jobs_one_tally")]

    def __str__(self) -> str:
        return f"{self.queue} {self.task} {self.outcome}: {self.count}"


class TaskSlot(OneDatabaseModel):
    """Count the runs of one task in one queue that ended in a span of ten minutes or of an hour; see run_counts.py.

    buckets, waits: runs by the upper end of the bucket of their duration, and of the time that they waited.
    """

    minutes = models.PositiveSmallIntegerField()
    start = models.DateTimeField()
    queue = models.CharField(max_length=100)
    task = models.CharField(max_length=200)
    done = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    retried = models.PositiveIntegerField(default=0)
    buckets = models.JSONField(default=dict)
    waits = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["minutes", "start", "queue", "task"], name="djcelery_jobs_one_slot")
        ]

    def __str__(self) -> str:
        return f"{self.start} {self.task}"


class MinuteTally(OneDatabaseModel):
    """Count the runs of one queue that ended in one minute. The rows are kept for a few hours."""

    minute = models.DateTimeField()
    queue = models.CharField(max_length=100)
    done = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    retried = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name_plural = "minute tallies"
        constraints = [models.UniqueConstraint(fields=["minute", "queue"], name="djcelery_jobs_one_minute")]

    def __str__(self) -> str:
        return f"{self.minute} {self.queue}"
