"""Order and import over HTTP, and see which processes do the work."""

from __future__ import annotations

from tests.live.harness.processes import eventually


def test_an_order_goes_through_fast_and_email(dev_server):
    order = dev_server.order("ann@example.com")
    dev_server.receipt_sent(order)

    # One job each. On a busy machine SQLite may be locked, and the job is tried again.
    [reserve] = {start["id"] for start in dev_server.starts("orders.tasks.reserve_stock", order)}
    [receipt] = {start["id"] for start in dev_server.starts("orders.tasks.send_receipt", order)}
    eventually("the line of the receipt", lambda: dev_server.ran_in(receipt))
    assert dev_server.ran_in(reserve) == {"worker-fast"}
    assert dev_server.ran_in(receipt) == {"worker-email"}
    assert dev_server.browser.json(f"/api/orders/{order}")["status"] == "reserved"


def test_a_price_list_that_staff_uploads_is_imported_by_slow(dev_server):
    staff = dev_server.staff()

    page = staff.upload("/prices", "file", "CUP-01,Cup with a handle,12.50\r\nBAG-01,Bag,3.00")
    number = page.partition("<h1>Price list ")[2].partition("<")[0]

    eventually("the page says done", lambda: "Done: 2 lines imported." in staff.get(f"/prices/{number}"))
    [started] = {start["id"] for start in dev_server.starts("orders.tasks.import_price_list", int(number))}
    eventually("the line of the import", lambda: dev_server.ran_in(started))
    assert dev_server.ran_in(started) == {"worker-slow"}
    assert "Cup with a handle" in dev_server.browser.get("/")


def test_a_mail_server_that_refuses_is_tried_again(dev_server):
    dev_server.mail.misbehave += ["refuse", "refuse"]
    order = dev_server.order("bob@example.com")
    dev_server.receipt_sent(order)

    starts = dev_server.starts("orders.tasks.send_receipt", order)
    assert len({start["id"] for start in starts}) == 1
    assert len(starts) == 3
    assert len(dev_server.dev.lines(rf"worker-email .*task_retrying .*task_id={starts[0]['id']}")) == 2
    [mail] = dev_server.mail.to("bob@example.com")
    assert mail["Message-ID"] == f"<receipt-{order}@orders>"


def test_a_receipt_that_is_sent_twice_has_the_same_message_id(dev_server):
    dev_server.mail.misbehave.append("swallow")
    order = dev_server.order("cleo@example.com")
    dev_server.receipt_sent(order)

    assert [mail["Message-ID"] for mail in dev_server.mail.to("cleo@example.com")] == [f"<receipt-{order}@orders>"] * 2
