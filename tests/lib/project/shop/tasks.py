"""Define one task with arguments, for the schedule."""

from celery import shared_task


@shared_task
def daily_sales(day: str | None = None) -> None:
    """Do nothing."""
