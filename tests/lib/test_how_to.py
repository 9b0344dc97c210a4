"""Test that each Python block of the how-to pages runs, and has the effect that its page promises."""

import hashlib
import hmac
import inspect
import json
import re
import sys
import textwrap
import threading
from collections import Counter
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from types import ModuleType, SimpleNamespace

import pytest
from asgiref.sync import async_to_sync
from celery import Celery, current_app
from celery.utils.imports import symbol_by_name
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections, transaction
from django.test import RequestFactory
from django.utils import timezone

from djcelery_jobs import ArgumentsTooLargeError, operations
from djcelery_jobs.models import Job, State, database_alias
from tests.lib.durable_jobs import begin, deliver
from tests.lib.project.shop import models
from tests.lib.project.shop.models import HOW_TO

pytestmark = pytest.mark.django_db
PAGES = sorted(path.stem for path in HOW_TO.glob("*.md"))
WITHOUT_PYTHON = {"procfile", "remove-the-example"}  # tests/docs/test_how_to.py
BLOCK = re.compile(r"^```python\n# (\w+)/(\w+)\.py\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def page(monkeypatch, task):
    """Run the blocks of a page in the modules that they name, and return these: page("webhooks").views."""

    def run(name: str) -> SimpleNamespace:
        monkeypatch.setitem(sys.modules, "shop", ModuleType("shop"))
        monkeypatch.setitem(sys.modules, "shop.models", models)
        modules: dict[str, ModuleType] = {}
        for package, short, code in BLOCK.findall((HOW_TO / f"{name}.md").read_text()):
            if short == "models":
                continue
            module = modules.setdefault(short, ModuleType(f"{package}.{short}"))
            monkeypatch.setitem(sys.modules, module.__name__, module)
            exec(compile(code, f"{name}.md", "exec"), vars(module))  # noqa: S102
        return SimpleNamespace(**modules)

    return run


def test_a_task_runs_in_the_transaction_that_dispatches_it(page, broker, committed, mailoutbox):
    how_to = page("add-a-task")
    with committed():
        answer = how_to.views.create_invoice(RequestFactory().post("/", {"cents": "5"}))
    invoice = models.Invoice.objects.get(pk=json.loads(answer.content)["invoice"])
    assert not invoice.is_booked
    broker.drain()
    with committed():
        how_to.tasks.mail.delay(invoice.pk)
    broker.drain()
    invoice.refresh_from_db()

    assert (invoice.is_booked, bool(invoice.mailed_at)) == (True, True)
    assert [mail.extra_headers["Message-ID"] for mail in mailoutbox] == [f"<invoice-{invoice.pk}@shop.example>"]


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("test_book", "test_book"),
        ("test_dispatch", "test_an_invoice_is_booked"),
        ("test_messages", "test_dispatched_twice_is_booked_and_mailed_once"),
    ],
)
def test_the_tests_of_the_page_about_tests_pass_and_can_fail(request, page, module, name):
    how_to = page("add-a-task")
    test = getattr(getattr(page("test-tasks"), module), name)
    fixtures = {wanted: request.getfixturevalue(wanted) for wanted in inspect.signature(test).parameters}
    test(**fixtures)

    vars(how_to.tasks)["Invoice"] = SimpleNamespace(objects=models.Invoice.objects.none())
    vars(how_to.views)["book"] = SimpleNamespace(delay_on_commit=lambda pk: None)
    with pytest.raises(AssertionError):
        test(**fixtures)


def states() -> Counter:
    return Counter(Job.objects.values_list("state", flat=True))


@pytest.mark.parametrize("name", PAGES)
def test_each_python_block_names_its_file_and_so_is_run(name):
    text = (HOW_TO / f"{name}.md").read_text()

    assert len(BLOCK.findall(text)) == text.count("```python")
    assert (text.count("```python") == 0) == (name in WITHOUT_PYTHON)


class PaymentsApi(BaseHTTPRequestHandler):
    """Answer a repeated key with the first charge; `server.statuses` come before the first answer."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        key = self.headers["Idempotency-Key"]
        self.server.keys.append(key)
        self.send_response(self.server.statuses.pop() if self.server.statuses else 200)
        self.end_headers()
        self.wfile.write(json.dumps({"id": f"charge of {key}"}).encode())

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def payments(settings):
    with HTTPServer(("127.0.0.1", 0), PaymentsApi) as server:
        server.keys, server.statuses = [], []
        settings.PAYMENTS_URL = f"http://127.0.0.1:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_http_api_sends_the_same_key_again(page, payments, broker, committed):
    pytest.importorskip("requests")
    tasks, payment = page("http-api").tasks, models.Payment.objects.create(cents=5)
    with committed():
        tasks.charge.delay(payment.pk)
    broker.drain()
    payment.refresh_from_db()
    assert payment.charge_id == f"charge of payment-{payment.pk}"

    models.Payment.objects.update(charge_id="")  # as if the process had been killed before this was saved
    with committed():
        tasks.charge.delay(payment.pk)
    broker.drain()
    with committed():
        tasks.charge.delay(payment.pk)  # charged already
    broker.drain()

    assert payments.keys == [f"payment-{payment.pk}"] * 2


def test_http_api_fails_at_once_for_an_answer_that_is_wrong(page, payments, broker, committed):
    pytest.importorskip("requests")
    tasks, payment = page("http-api").tasks, models.Payment.objects.create(cents=5)
    payments.statuses = [422]
    with committed():
        tasks.charge.delay(payment.pk)
    broker.drain()

    assert states() == {State.DEAD: 1}
    assert len(payments.keys) == 1


def test_http_api_tries_again_when_nobody_answers(page, settings, free_port, broker, committed):
    pytest.importorskip("requests")
    tasks, payment = page("http-api").tasks, models.Payment.objects.create(cents=5)
    settings.PAYMENTS_URL = f"http://127.0.0.1:{free_port}/"
    with committed():
        tasks.charge.delay(payment.pk)
    broker.run_one()

    assert states() == {State.DELAYED: 1}


def test_webhooks_handle_a_repeated_event_once(page, settings, broker, committed):
    settings.WEBHOOK_SECRET = "secret"
    receive, body = page("webhooks").views.receive, b'{"id": "e1"}'
    signature = hmac.new(b"secret", body, hashlib.sha256).hexdigest()

    def post(signature: str) -> int:
        with committed():
            request = RequestFactory().post(
                "/", body, content_type="application/json", headers={"X-Signature": signature}
            )
            return receive(request).status_code

    assert [post("wrong"), post(signature), post(signature)] == [403, 204, 204]
    assert Job.objects.count() == 1
    broker.drain()
    assert models.WebhookEvent.objects.get().handled_at


def test_fan_out_joins_once_after_the_last_part(page, broker, committed):
    tasks = page("fan-out").tasks
    with committed():
        report = tasks.start_report([1, 2, 3])
    for part in Job.objects.filter(task="shop.tasks.compute_part"):
        report.refresh_from_db()
        assert report.parts_left > 0
        deliver(part)
        deliver(part, redelivered=True, message_id="2")
    assert Job.objects.filter(task="shop.tasks.finish_report").count() == 1
    broker.drain()
    report.refresh_from_db()

    assert (report.parts_left, report.total, report.is_ready) == (0, 6, True)


def test_unique_jobs_wait_once_and_follow_one_that_runs(page, broker, committed):
    tasks = page("unique-jobs").tasks
    with committed():
        first, second = tasks.page_was_saved(1), tasks.page_was_saved(1)
        other = tasks.page_was_saved(2)
    assert first == second != other

    begin(Job.objects.get(pk=first))
    with committed():
        following = tasks.page_was_saved(1)

    assert following not in (first, other)
    assert Job.objects.get(pk=following).state == State.NEXT


def test_effect_once_is_once_for_all_jobs(page, broker, committed):
    tasks, given = page("unique-jobs").tasks, []
    tasks.give_bonus = given.append
    with committed():
        tasks.welcome.delay(1)
        tasks.welcome.delay(1)
    broker.drain()

    assert given == [1]
    assert states() == {State.DONE: 2}


def test_progress_is_seen_and_kept_over_a_failure(page, broker, committed):
    how_to, prepared = page("progress"), []
    mailing = models.Mailing.objects.create(size=250)

    def progress() -> int:
        return json.loads(how_to.views.progress(RequestFactory().get("/"), mailing.pk).content)["done"]

    def prepare(numbers: range) -> None:
        if len(seen) == 1:
            seen.append(progress())
            raise ConnectionResetError
        seen.append(progress())
        prepared.extend(numbers)

    seen: list[int] = []
    how_to.tasks.prepare = prepare
    with committed():
        how_to.tasks.prepare_mailing.delay(mailing.pk)
    broker.drain()

    assert seen == [0, 100, 100, 200]
    assert prepared == list(range(250))
    assert progress() == 250


def test_progress_stops_when_the_job_is_cancelled(page, broker, committed):
    how_to, mailing = page("progress"), models.Mailing.objects.create(size=250)

    def prepare(numbers: range) -> None:
        operations.cancel(Job.objects.all(), by="ann")
        current_app.current_task.request.cancellation_look = (0, False)  # the next look asks the database

    how_to.tasks.prepare = prepare
    with committed():
        how_to.tasks.prepare_mailing.delay(mailing.pk)
    broker.drain()
    mailing.refresh_from_db()

    assert mailing.done == 100
    assert states() == {State.CANCELLED: 1}


@pytest.mark.parametrize(("month", "hour"), [(1, 7), (7, 6)], ids=["winter", "summer"])
def test_local_time_follows_the_clock_on_the_wall(page, month, hour):
    settings = page("local-time").settings
    schedule = settings.CELERY_BEAT_SCHEDULE["morning-mail"]["schedule"]
    schedule.app = Celery(set_as_current=False)
    schedule.app.conf.timezone = settings.CELERY_TIMEZONE
    midnight = datetime(2030, month, 15, tzinfo=UTC)
    schedule.nowfun = lambda: midnight.astimezone(schedule.app.timezone)

    assert midnight + schedule.remaining_estimate(midnight) == midnight.replace(hour=hour)


def test_local_time_of_one_job_and_of_each_customer(page, broker, committed, monkeypatch):
    tasks = page("local-time").tasks
    with committed():
        tasks.remind_at_christmas(1)
    assert Job.objects.get().publish_at == datetime(2030, 12, 24, 7, tzinfo=UTC)

    monkeypatch.setattr(timezone, "now", lambda: datetime(2030, 1, 15, 7, tzinfo=UTC))
    tasks.remind_those_at_eight({"2": "Europe/Berlin", "3": "Europe/London"})

    assert [job.args for job in Job.objects.order_by("publish_at")] == [[2], [1]]


def test_big_files_are_passed_by_their_row(page, broker, committed):
    how_to = page("big-files")
    with committed():
        request = RequestFactory().post("/", {"file": SimpleUploadedFile("a.txt", b"line\n" * 100_000)})
        assert how_to.views.upload(request).status_code == 202
    broker.drain()

    assert models.Upload.objects.get().lines == 100_000
    with pytest.raises(ArgumentsTooLargeError):
        how_to.tasks.count_lines.delay("x" * 65_536)


def test_several_databases_keep_the_jobs_in_one(page, settings, monkeypatch):
    monkeypatch.setitem(sys.modules, "shop.tasks", SimpleNamespace(send_receipt=None))
    router = page("several-databases").routers.JobsRouter()
    settings.DATABASE_ROUTERS = [router]

    assert database_alias() == "shop"
    assert router.allow_migrate("shop", "djcelery_jobs") is True
    assert router.allow_migrate("default", "djcelery_jobs") is False
    assert router.allow_migrate("default", "orders") is router.db_for_write(models.Upload) is None


def test_several_databases_dispatch_in_the_transaction_of_the_jobs(page, settings, monkeypatch, committed):
    monkeypatch.setattr(connections._connections, "shop", connections["default"], raising=False)
    monkeypatch.setitem(sys.modules, "shop.tasks", page("async-views").tasks)
    how_to = page("several-databases")
    settings.DATABASE_ROUTERS = [how_to.routers.JobsRouter()]

    used = []

    def atomic(using: str | None = None) -> transaction.Atomic:
        used.append(using)
        return transaction.atomic(using=using)

    monkeypatch.setattr(how_to.views, "transaction", SimpleNamespace(atomic=atomic))
    with transaction.atomic(using="shop"):
        how_to.views.place_order(1)
        assert Job.objects.count() == 1
        transaction.set_rollback(True, using="shop")

    assert Job.objects.count() == 0
    assert used == ["shop"]


@pytest.mark.parametrize(
    "path", [*HOW_TO.glob("*.md"), *HOW_TO.with_name("coming-from").glob("*.md")], ids=lambda path: path.stem
)
def test_each_name_of_the_library_exists(path):
    for name in re.findall(r"\bdjcelery_jobs[.:][\w.:]+\w", path.read_text()):
        if "Database" in name and not find_spec("django_celery_beat"):
            continue
        assert symbol_by_name(name)


@pytest.mark.parametrize("path", sorted(HOW_TO.with_name("coming-from").glob("*.md")), ids=lambda path: path.stem)
def test_settings_of_the_pages_about_other_systems_run(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "mysite", ModuleType("mysite"))
    text, modules = path.read_text(), {}
    for package, short, code in re.findall(
        r"^ *```python\n *# (\w+)/(\w+)\.py\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL
    ):
        modules[short] = ModuleType(f"{package}.{short}")
        monkeypatch.setitem(sys.modules, f"{package}.{short}", modules[short])
        exec(compile(textwrap.dedent(code), str(path), "exec"), vars(modules[short]))  # noqa: S102

    assert len(modules) == text.count("```python")
    if "settings_drain" in modules:
        backends = [vars(modules[name])["TASKS"]["default"]["BACKEND"] for name in ("settings", "settings_drain")]
        assert backends == ["djcelery_jobs.tasks_backend.DurableBackend", "django_tasks_db.DatabaseBackend"]


def test_async_views_dispatch(page, broker, committed):
    views = page("async-views").views
    with committed():
        answer = async_to_sync(views.resend)(RequestFactory().post("/"), 7)
        async_to_sync(views.order)(RequestFactory().post("/"))

    assert str(Job.objects.get(pk=json.loads(answer.content)["job"]).args) == "[7]"
    assert Job.objects.count() == broker.waiting()["slow"] == 2
