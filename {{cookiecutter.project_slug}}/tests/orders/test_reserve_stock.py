import uuid

import pytest

from orders.models import Order
from orders.tasks import reserve_stock


def test_takes_the_pieces_and_sends_the_receipt(order, tea, committed, mailoutbox):
    with committed():
        reserve_stock(str(order.pk))

    tea.refresh_from_db()
    order.refresh_from_db()
    assert (tea.stock, order.status) == (8, Order.Status.RESERVED)
    assert len(mailoutbox) == 1


def test_delivered_twice_takes_the_pieces_once(order, tea, committed, mailoutbox):
    for _ in range(2):
        with committed():
            reserve_stock(str(order.pk))

    tea.refresh_from_db()
    assert tea.stock == 8
    assert len(mailoutbox) == 1


def test_a_killed_run_has_no_effect_and_the_next_one_does_it_all(order, tea, committed, monkeypatch):
    def killed(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(Order, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        reserve_stock(str(order.pk))
    tea.refresh_from_db()
    assert tea.stock == 10

    monkeypatch.undo()
    with committed():
        reserve_stock(str(order.pk))
    tea.refresh_from_db()
    assert tea.stock == 8


def test_not_enough_is_sold_out(order, tea, committed, mailoutbox):
    tea.stock = 1
    tea.save()

    with committed():
        reserve_stock(str(order.pk))

    tea.refresh_from_db()
    order.refresh_from_db()
    assert (tea.stock, order.status) == (1, Order.Status.SOLD_OUT)
    assert mailoutbox == []


def test_an_order_that_is_gone_is_no_error(db):
    reserve_stock(str(uuid.uuid4()))


def test_dispatched_twice_reserves_once(order, tea, committed, broker):
    with committed():
        reserve_stock.delay(str(order.pk))
        reserve_stock.delay(str(order.pk))
    broker.drain()

    tea.refresh_from_db()
    assert tea.stock == 8
