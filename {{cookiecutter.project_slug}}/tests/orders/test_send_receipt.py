import uuid
from smtplib import SMTPServerDisconnected

import pytest
from django.core.mail import EmailMessage

from orders.tasks import send_receipt


def test_mails_it_once(order, mailoutbox):
    send_receipt(str(order.pk))
    send_receipt(str(order.pk))

    [mail] = mailoutbox
    assert mail.to == ["ann@example.com"]
    order.refresh_from_db()
    assert order.settled


def test_the_message_id_stays_if_the_mail_is_sent_again(order, mailoutbox):
    for _ in range(2):
        order.receipt_sent_at = None  # as after a kill between sending and saving
        order.save()
        send_receipt(str(order.pk))

    first, second = mailoutbox
    assert first.extra_headers["Message-ID"] == second.extra_headers["Message-ID"]


@pytest.mark.parametrize("failures", [1, 3])
def test_transient_errors_of_the_mail_server_are_retried(order, broker, mailoutbox, monkeypatch, failures):
    send = EmailMessage.send

    def stumble(self, *args, **kwargs):
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise SMTPServerDisconnected
        return send(self, *args, **kwargs)

    monkeypatch.setattr(EmailMessage, "send", stumble)
    expected_runs = failures + 1
    send_receipt.delay(str(order.pk))

    ran = broker.drain()

    assert [(run.task, run.queue) for run in ran] == [("orders.tasks.send_receipt", "email")] * expected_runs
    assert len(mailoutbox) == 1


def test_retries_have_a_limit(order, broker, monkeypatch):
    def fail(*args, **kwargs):
        raise SMTPServerDisconnected

    monkeypatch.setattr(EmailMessage, "send", fail)
    send_receipt.delay(str(order.pk))

    assert len(broker.drain()) == 1 + send_receipt.max_retries


def test_an_order_that_is_gone_is_no_error(db, mailoutbox):
    send_receipt(str(uuid.uuid4()))
    assert mailoutbox == []
