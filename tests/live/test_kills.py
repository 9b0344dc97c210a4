"""Workers that die at the worst moment."""

from __future__ import annotations

from processes import eventually

STOCK = "SELECT stock FROM orders_product WHERE sku = 'TEA-01'"
RESERVE = "orders.tasks.reserve_stock"
DELIVERIES = 4  # the first, and three that come back


def test_a_task_killed_between_its_effect_and_its_ack_runs_again_and_has_one_effect(shop):
    stock = shop.row(STOCK)
    shop.allow(f"kill-after-{RESERVE}")

    order = shop.order("eve@example.com", quantity=2)
    first, second = shop.started(RESERVE, order, count=2)
    eventually("its second end", lambda: shop.ran_in(second["id"]))
    shop.receipt_sent(order)

    assert first["id"] == second["id"]
    assert first["pid"] != second["pid"]
    assert shop.row(STOCK) == stock - 2
    assert len(shop.mail.to("eve@example.com")) == 1


def test_a_task_that_kills_its_worker_does_not_come_back_for_ever(shop):
    shop.publish("poison.delay()", "note.delay('after the poison')")

    eventually("the last start", lambda: len(shop.records("poisoned")) == DELIVERIES)
    shop.started("probes.tasks.note", "after the poison")
    # Whatever would come back now would come before this, on the same queue.
    shop.publish("note.delay('much later')")
    shop.started("probes.tasks.note", "much later")
    assert len(shop.records("poisoned")) == DELIVERIES
