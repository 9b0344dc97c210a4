"""What was asked for and what was done, so that one can be held against the other."""

from django.db import models


class Wish(models.Model):
    """Written in the transaction that dispatches the job: what must happen, and nothing else may."""

    number = models.IntegerField(primary_key=True)


class Effect(models.Model):
    """Written by the job. Nothing here is unique, so a job that runs twice shows."""

    number = models.IntegerField(db_index=True)
    at = models.DateTimeField(auto_now_add=True)


class Counter(models.Model):
    """Counted up by the job: the second effect, at the other end of its transaction."""

    value = models.IntegerField(default=0)
