import pytest
from django.utils import timezone

from jobs.models import Claim, Lease, Redelivery, ScheduleState
from orders.models import DailySales, PriceList


@pytest.mark.parametrize(
    ("row", "name"),
    [
        (Claim(key="reserve-stock:1"), "reserve-stock:1"),
        (Redelivery(task_id="id", task="a.tasks.b", count_so_far=2), "a.tasks.b id: 2"),
        (Lease(name="beat", holder="host:1", expires_at=timezone.now()), "beat: host:1"),
        (ScheduleState(entry="daily-sales", last_run_at=timezone.now()), "daily-sales"),
        (DailySales(day="2030-01-02", revenue=5, orders=1), "2030-01-02: 5"),
        (PriceList(file="a.csv", status="done"), "a.csv (done)"),
    ],
)
def test_rows_say_what_they_are(row, name):
    assert str(row) == name
