"""Test mail about failures: once per failure and pause, without secrets, and never in the way of the job."""

import logging
from smtplib import SMTPException

import django
import pytest
import structlog
from django.core.cache import cache
from structlog.stdlib import ProcessorFormatter

from djcelery_jobs.telemetry import failure_mail
from djcelery_jobs.telemetry.log_config import FORMATS, OF_LIBRARIES


@pytest.fixture
def logger(settings):
    """Yield a logger with the handler that LOGGING gives to failures when there are ADMINS."""
    settings.ADMINS = ["oncall@example.com"] if django.VERSION >= (6,) else [("", "oncall@example.com")]
    cache.clear()
    handler = failure_mail.MailHandler(logging.ERROR)
    handler.addFilter(failure_mail.OncePerPause())
    handler.setFormatter(ProcessorFormatter(processors=FORMATS["console"], foreign_pre_chain=OF_LIBRARIES))
    logger = logging.getLogger("tests.mail")
    logger.addHandler(handler)
    yield logger
    logger.removeHandler(handler)


def fail(logger: logging.Logger, task: str, text: str = "hunter2") -> None:
    try:
        raise ValueError(f"password={text}")
    except ValueError:
        logger.exception("task_failure", extra={"task": task, "error": "ValueError"})


def test_a_failure_is_mailed_with_its_traceback_and_without_secrets(logger, mailoutbox):
    fail(logger, "orders.tasks.send_receipt")

    [message] = mailoutbox
    assert message.to == ["oncall@example.com"]
    assert "task_failure" in message.subject
    assert "orders.tasks.send_receipt" in message.subject
    assert "ValueError: password=[hidden]" in message.body
    assert "hunter2" not in message.body


def test_the_same_failure_is_mailed_once_in_a_while(logger, mailoutbox):
    for text in ("one", "two", "three"):
        fail(logger, "orders.tasks.send_receipt", text)
    fail(logger, "orders.tasks.reserve_stock")

    assert len(mailoutbox) == 2


def test_pages_that_break_alike_are_mailed_once(logger, mailoutbox):
    speaker = structlog.wrap_logger(logger, processors=[ProcessorFormatter.wrap_for_formatter])
    for page in ("/orders/1", "/orders/2"):
        try:
            raise ValueError
        except ValueError:
            speaker.error("request_failed", request=page)
    speaker.error("request_finished", code=503)

    [message] = mailoutbox
    assert "/orders/1" in message.subject


def test_without_a_cache_all_are_mailed(logger, mailoutbox, monkeypatch):
    def unreachable(*args: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(failure_mail.cache, "add", unreachable)
    fail(logger, "orders.tasks.send_receipt")
    fail(logger, "orders.tasks.send_receipt")

    assert len(mailoutbox) == 2


def test_a_mail_server_that_is_away_costs_no_job(logger, monkeypatch, capsys):
    def refuse(*args: object, **kwargs: object) -> None:
        raise SMTPException

    monkeypatch.setattr(failure_mail, "mail_admins", refuse)

    fail(logger, "orders.tasks.send_receipt")

    assert "SMTPException" in capsys.readouterr().err
