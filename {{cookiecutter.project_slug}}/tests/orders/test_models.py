import pytest

from orders.models import DailySales, PriceList


@pytest.mark.parametrize(
    ("row", "name"),
    [
        (DailySales(day="2030-01-02", revenue=5, orders=1), "2030-01-02: 5"),
        (PriceList(file="a.csv", status="done"), "a.csv (done)"),
    ],
)
def test_rows_say_what_they_are(row, name):
    assert str(row) == name
