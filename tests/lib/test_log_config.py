"""Test what each log line holds, whoever writes it."""

import io
import json
import logging

import pytest
import structlog
from celery import current_app
from django.core.exceptions import ImproperlyConfigured
from django_structlog.celery.signals import bind_extra_task_metadata, pre_task_succeeded
from kombu.utils import symbol_by_name
from structlog.stdlib import ProcessorFormatter

from djcelery_jobs.core.task import JobTask
from djcelery_jobs.telemetry.log_config import FORMATS, OF_LIBRARIES, logging_config


@pytest.fixture
def written():
    """Yield the lines written so far, as a server would write them: each a line of JSON."""
    handler = logging.StreamHandler(stream := io.StringIO())
    handler.setFormatter(ProcessorFormatter(processors=FORMATS["json"], foreign_pre_chain=OF_LIBRARIES))
    logging.getLogger().addHandler(handler)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logging.getLogger().removeHandler(handler)


def said(written, event: str) -> list[dict[str, object]]:
    return [line for line in written() if line["event"] == event]


def test_lines_of_libraries_carry_the_job_too(written, task):
    def speaks() -> None:
        logging.getLogger("some.library").warning("from %s", "inside")
        structlog.get_logger("another").warning("from inside", with_="names")

    task(speaks).apply(task_id="the-id")

    library, ours = said(written, "from inside")
    names = {"task_id": "the-id", "task": "tests.speaks", "queue": "", "attempt": 1}
    assert names.items() <= library.items()
    assert {**names, "with_": "names"}.items() <= ours.items()


def test_outside_a_job_there_is_none(written, task):
    def quiet() -> None: ...

    task(quiet).apply(task_id="the-id")
    logging.getLogger("some.library").warning("outside")

    [line] = said(written, "outside")
    assert not {"task_id", "task", "queue", "attempt", "request_id"} & line.keys()


def test_a_task_inside_a_task_leaves_the_outer_one_its_names(written, task):
    def inner() -> None:
        logging.getLogger("some.library").warning("inner")

    def outer() -> None:
        structlog.contextvars.bind_contextvars(request_id="the-request")
        inner_task.apply(task_id="inner-id")
        logging.getLogger("some.library").warning("outer")

    inner_task = task(inner)
    task(outer).apply(task_id="outer-id")

    assert said(written, "inner")[0]["task_id"] == "inner-id"
    [line] = said(written, "outer")
    assert (line["task_id"], line["request_id"]) == ("outer-id", "the-request")


def test_a_job_that_ends_well_leaves_its_duration(written, task, broker):
    def works() -> None: ...

    works_task = task(works)
    works_task.apply_async(task_id="the-id")
    broker.drain()

    [enqueued], [done] = said(written, "task_enqueued"), said(written, "task_succeeded")
    assert (enqueued["child_task_id"], enqueued["child_task_name"]) == ("the-id", "tests.works")
    assert done["task_id"] == "the-id"
    assert done["queue"] == "fast"
    assert done["duration_ms"] >= 0


def test_the_documented_signals_of_django_structlog_are_sent(written, task, broker):
    def works() -> int:
        logging.getLogger("some.library").warning("inside")
        return 7

    def extra(task, logger, **kwargs) -> None:
        structlog.contextvars.bind_contextvars(customer=f"of {task.name}")

    def succeeded(logger, result, **kwargs) -> None:
        structlog.contextvars.bind_contextvars(returned=result)

    bind_extra_task_metadata.connect(extra)
    pre_task_succeeded.connect(succeeded)
    try:
        task(works).delay()
        broker.drain()
    finally:
        bind_extra_task_metadata.disconnect(extra)
        pre_task_succeeded.disconnect(succeeded)

    assert said(written, "inside")[0]["customer"] == "of tests.works"
    [line] = said(written, "task_succeeded")
    assert (line["customer"], line["returned"]) == ("of tests.works", 7)


def test_what_the_main_process_says_of_a_job_carries_its_names(written, task, broker):
    def hangs() -> None: ...

    with structlog.contextvars.bound_contextvars(request_id="the-request"):
        task(hangs).apply_async(task_id="the-id")
    with current_app.connection_for_read() as connection:
        message = current_app.amqp.queues["fast"](connection.default_channel).get()
        request = symbol_by_name(JobTask.Request)(message, app=current_app, on_ack=lambda *args: None)
        request.on_timeout(soft=True, timeout=10)
        request.on_timeout(soft=False, timeout=20)

    lines = [line for line in written() if line["logger"] in ("celery.worker.request", "djcelery_jobs.failure")]
    assert [line["level"] for line in lines] == ["warning", "error", "error"]
    names = {(line["task_id"], line["queue"], line["request_id"]) for line in lines}
    assert names == {("the-id", "fast", "the-request")}
    assert lines[-1]["event"] == "task_failure"


def test_a_traceback_is_part_of_the_line(written):
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("some.library").exception("it failed")

    [line] = said(written, "it failed")
    assert line["exception"].startswith("Traceback")
    assert line["exception"].endswith("ValueError: broken")


def test_no_secret_and_no_object_reaches_the_log(written, client, rf):
    logging.getLogger("some.library").warning(
        "to amqp://user:hunter2@broker//", extra={"password": "hunter2", "request": rf.get("/"), "data": {"args": [1]}}
    )

    [line] = [line for line in written() if line["logger"] == "some.library"]
    assert line["event"] == "to amqp://[hidden]@broker//"
    assert line["password"] == "[hidden]"
    assert not {"request", "data"} & line.keys()


def test_a_request_leaves_one_line_and_its_id_in_the_answer(written, client, db):
    answer = client.get("/admin/login/?token=hunter2")

    [line] = [line for line in written() if line["logger"].startswith("django")]
    assert line["event"] == "request_finished"
    assert line["request"] == "GET /admin/login/?token=[hidden]"
    assert line["code"] == 200
    assert answer["X-Request-ID"] == line["request_id"]


def test_probes_leave_no_line_while_all_is_well(written, client):
    client.get("/health/live")
    client.get("/health/nothing")

    [line] = [line for line in written() if line["logger"].startswith("django")]
    assert (line["request"], line["code"]) == ("GET /health/nothing", 404)


def test_a_laptop_gets_words(task):
    formatter = ProcessorFormatter(processors=FORMATS["console"], foreign_pre_chain=OF_LIBRARIES)
    record = logging.LogRecord("some.library", logging.INFO, "", 0, "password=%s", ("hunter2",), None)

    text = formatter.format(record)

    assert "password=[hidden]" in text
    assert "[info" in text


def test_an_unknown_format_is_refused():
    with pytest.raises(ImproperlyConfigured, match=r"LOG_FORMAT is 'xml', which is not a format\. Use json"):
        logging_config(form="xml", level="INFO", jobs_level="INFO", mail_to_admins=False)


@pytest.mark.parametrize("mail_to_admins", [True, False])
def test_mail_is_sent_only_where_it_is_asked_for(mail_to_admins):
    config = logging_config(form="json", level="INFO", jobs_level="INFO", mail_to_admins=mail_to_admins)

    for name in ("djcelery_jobs.failure", "django_structlog.middlewares.request"):
        assert config["loggers"][name]["handlers"] == (["mail"] if mail_to_admins else [])
