from datetime import datetime, time, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from orders.models import DailySales, Order
from orders.tasks import DAYS_TO_REPORT, daily_sales


@pytest.fixture
def today(monkeypatch):
    """Keep the same day for the whole test, even at midnight."""
    day = timezone.localdate()
    monkeypatch.setattr(timezone, "localdate", lambda: day)
    return day


def place(tea, day, **fields):
    order = Order.objects.create(
        key=str(Order.objects.count()), product=tea, quantity=2, email="ann@example.com", price=tea.price, **fields
    )
    Order.objects.filter(pk=order.pk).update(created_at=timezone.make_aware(datetime.combine(day, time(12))))


def test_sums_up_each_day_once(tea, today):
    yesterday = today - timedelta(days=1)
    place(tea, yesterday, status=Order.Status.RESERVED)
    place(tea, yesterday, status=Order.Status.RESERVED)
    place(tea, yesterday, status=Order.Status.SOLD_OUT)
    place(tea, today, status=Order.Status.RESERVED)

    daily_sales()
    daily_sales()

    assert DailySales.objects.count() == DAYS_TO_REPORT
    sales = DailySales.objects.get(day=yesterday)
    assert (sales.orders, sales.revenue) == (2, Decimal("18.00"))


def test_makes_up_for_a_night_in_which_nothing_ran(tea, today):
    place(tea, today - timedelta(days=3), status=Order.Status.RESERVED)

    daily_sales()

    assert DailySales.objects.get(day=today - timedelta(days=3)).orders == 1
