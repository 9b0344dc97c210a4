"""What was done."""

from django.db import models


class Effect(models.Model):
    """Written by a job. Nothing here is unique, so a job that has its effect twice shows."""

    number = models.IntegerField(db_index=True)
