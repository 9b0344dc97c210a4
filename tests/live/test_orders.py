"""What a customer and the staff do over HTTP, and which processes work for them."""

from __future__ import annotations

from processes import eventually


def test_an_order_goes_through_fast_and_email(shop):
    order = shop.order("ann@example.com")
    shop.receipt_sent(order)

    [reserve] = shop.starts("orders.tasks.reserve_stock", order)
    [receipt] = shop.starts("orders.tasks.send_receipt", order)
    eventually("the line of the receipt", lambda: shop.ran_in(receipt["id"]))
    assert shop.ran_in(reserve["id"]) == {"worker-fast"}
    assert shop.ran_in(receipt["id"]) == {"worker-email"}
    assert shop.browser.json(f"/api/orders/{order}")["status"] == "reserved"


def test_a_price_list_that_staff_uploads_is_imported_by_slow(shop):
    staff = shop.staff()

    page = staff.upload("/prices", "file", "CUP-01,Cup with a handle,12.50\r\nBAG-01,Bag,3.00")
    number = page.partition("<h1>Price list ")[2].partition("<")[0]

    eventually("the page says done", lambda: "2 lines taken over, done." in staff.get(f"/prices/{number}"))
    [started] = shop.starts("orders.tasks.import_price_list", int(number))
    eventually("the line of the import", lambda: shop.ran_in(started["id"]))
    assert shop.ran_in(started["id"]) == {"worker-slow"}
    assert "Cup with a handle" in shop.browser.get("/")


def test_a_mail_server_that_refuses_is_tried_again(shop):
    shop.mail.misbehave += ["refuse", "refuse"]
    order = shop.order("bob@example.com")
    shop.receipt_sent(order)

    starts = shop.starts("orders.tasks.send_receipt", order)
    assert len({start["id"] for start in starts}) == 1
    assert len(starts) == 3
    assert len(shop.dev.lines(rf"worker-email .*task_retrying .*task_id={starts[0]['id']}")) == 2
    [mail] = shop.mail.to("bob@example.com")
    assert mail["Message-ID"] == f"<receipt-{order}@orders>"


def test_a_receipt_that_is_sent_twice_has_the_same_message_id(shop):
    shop.mail.misbehave.append("swallow")
    order = shop.order("cleo@example.com")
    shop.receipt_sent(order)

    assert [mail["Message-ID"] for mail in shop.mail.to("cleo@example.com")] == [f"<receipt-{order}@orders>"] * 2
