import pytest
from django.utils import timezone

from djcelery_jobs.models import Effect, Lease, Redelivery, ScheduleState


@pytest.mark.parametrize(
    ("row", "name"),
    [
        (Effect(key="reserve-stock:1"), "reserve-stock:1"),
        (Redelivery(task_id="id", task="a.tasks.b", count_so_far=2), "a.tasks.b id: 2"),
        (Lease(name="beat", holder="host:1", expires_at=timezone.now()), "beat: host:1"),
        (ScheduleState(entry="daily-sales", last_run_at=timezone.now()), "daily-sales"),
    ],
)
def test_rows_say_what_they_are(row, name):
    assert str(row) == name
