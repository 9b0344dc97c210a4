"""Record which effects are expected and which happened, so that tests can compare them."""

from django.db import models


class Expected(models.Model):
    """Say in the transaction that dispatches a job that its effect must happen. No other effect may."""

    number = models.IntegerField(primary_key=True)

    def __str__(self) -> str:
        return f"expected: {self.number}"


class Effect(models.Model):
    """Hold what a job did. Nothing here is unique, so a job that runs twice shows."""

    number = models.IntegerField(db_index=True)
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"done: {self.number}"


class Counter(models.Model):
    """Count jobs: the second effect of each, at the other end of its transaction."""

    value = models.IntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.pk}: {self.value}"
