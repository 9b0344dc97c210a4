import io
import logging

import pytest
from celery import current_app
from django.conf import settings

from jobs.logs import TaskFilter


@pytest.fixture
def lines():
    """What the configured format and filter make of every record."""
    handler = logging.StreamHandler(stream := io.StringIO())
    handler.addFilter(TaskFilter())
    handler.setFormatter(logging.Formatter(settings.LOGGING["formatters"]["line"]["format"]))
    logging.getLogger().addHandler(handler)
    yield lambda: stream.getvalue().splitlines()
    logging.getLogger().removeHandler(handler)


def test_lines_of_libraries_carry_the_task_too(lines, task):
    def speaks() -> None:
        logging.getLogger("some.library").warning("from inside")

    task(speaks).apply(task_id="the-id")

    [line] = [line for line in lines() if "from inside" in line]
    assert "[the-id tests.speaks]" in line


def test_outside_a_task_there_is_none(lines):
    logging.getLogger("some.library").warning("outside")

    assert any("[- -] outside" in line for line in lines())


def test_a_failure_leaves_one_line_without_the_arguments(caplog, task):
    def fails(secret: str) -> None:
        raise ValueError(secret)

    task(fails).apply(args=["hidden"], task_id="the-id", throw=False)

    [record] = [record for record in caplog.records if record.name == "jobs.failure"]
    assert record.getMessage() == "task_failure task=tests.fails id=the-id error=ValueError"


def test_the_configured_handler_has_the_filter():
    assert settings.LOGGING["handlers"]["console"]["filters"] == ["task"]
    assert current_app.conf.worker_hijack_root_logger is False
