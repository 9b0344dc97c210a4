"""Define the row that a job changes."""

from django.db import models


class Counter(models.Model):
    """Count jobs, in a few rows."""

    value = models.IntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.pk}: {self.value}"
