from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from orders.models import DailySales, Order
from orders.tasks import DAYS_TO_REPORT, daily_sales


def place(tea, days_ago, **fields):
    order = Order.objects.create(
        key=str(Order.objects.count()), product=tea, quantity=2, email="ann@example.com", price=tea.price, **fields
    )
    Order.objects.filter(pk=order.pk).update(created_at=timezone.now() - timedelta(days=days_ago))


def test_sums_up_each_day_once(tea):
    place(tea, 1, status=Order.Status.RESERVED)
    place(tea, 1, status=Order.Status.RESERVED)
    place(tea, 1, status=Order.Status.SOLD_OUT)
    place(tea, 0, status=Order.Status.RESERVED)

    daily_sales()
    daily_sales()

    assert DailySales.objects.count() == DAYS_TO_REPORT
    yesterday = DailySales.objects.get(day=timezone.localdate() - timedelta(days=1))
    assert (yesterday.orders, yesterday.revenue) == (2, Decimal("18.00"))


def test_makes_up_for_a_night_on_which_nothing_ran(tea):
    place(tea, 3, status=Order.Status.RESERVED)

    daily_sales()

    assert DailySales.objects.get(day=timezone.localdate() - timedelta(days=3)).orders == 1
