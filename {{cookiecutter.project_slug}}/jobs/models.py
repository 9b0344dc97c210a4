"""What the job layer remembers in the database."""

from __future__ import annotations

from django.db import models


class Claim(models.Model):
    """An effect that happened. Its row is written in the effect's own transaction; see claims.py."""

    key = models.CharField(max_length=200, unique=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    def __str__(self) -> str:
        return self.key


class Redelivery(models.Model):
    """How often a message came back because the process that ran it had died; see task.py."""

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
