"""Kill workers at the worst moment."""

from __future__ import annotations

from tests.live.harness.processes import eventually

STOCK = "SELECT stock FROM orders_product WHERE sku = 'TEA-01'"
RESERVE = "orders.tasks.reserve_stock"
DELIVERIES = 4  # the first, and three that come back


def test_a_task_killed_between_its_effect_and_its_ack_runs_again_and_has_one_effect(dev_server):
    stock = dev_server.row(STOCK)
    dev_server.allow(f"kill-after-{RESERVE}")

    order = dev_server.order("eve@example.com", quantity=2)
    first, second = dev_server.started(RESERVE, order, count=2)
    eventually("its second end", lambda: dev_server.ran_in(second["id"]))
    dev_server.receipt_sent(order)

    assert first["id"] == second["id"]
    assert first["pid"] != second["pid"]
    assert dev_server.row(STOCK) == stock - 2
    assert len(dev_server.mail.to("eve@example.com")) == 1


def test_a_task_that_kills_its_worker_does_not_come_back_for_ever(dev_server):
    dev_server.publish("kill_process.delay()", "note.delay('after the poison')")

    eventually("the last start", lambda: len(dev_server.records("poisoned")) == DELIVERIES)
    dev_server.started("workload.tasks.probes.note", "after the poison")
    # Whatever would come back now would come before this, on the same queue.
    dev_server.publish("note.delay('much later')")
    dev_server.started("workload.tasks.probes.note", "much later")
    assert len(dev_server.records("poisoned")) == DELIVERIES
