"""Test mistakes that were reported from projects: each text marks the lines that the named rules find."""

from __future__ import annotations

import re
from textwrap import dedent

import pytest

from djcelery.findings import Finding
from djcelery.project.project import Project
from djcelery.rules import example, judge

APP = """
# proj/__init__.py
from proj.celery import app

# proj/celery.py
from celery import Celery

app = Celery("proj")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# proj/settings.py
INSTALLED_APPS = ["shop"]
CELERY_TASK_TIME_LIMIT = 60
CELERY_TASK_SOFT_TIME_LIMIT = 50
"""
TASKS = """
# shop/tasks.py
from celery import shared_task

@shared_task
def index(pk): ...

@shared_task
def other(pk): ...
"""


def files_of(*texts: str) -> dict[str, str | bytes]:
    """Return the files in some texts, each begun by a line with its name."""
    return example("\n".join(dedent(text) for text in texts))


def findings_in(*texts: str, codes: str) -> list[Finding]:
    """Return the findings of some rules."""
    return [finding for finding in judge(Project.of(files_of(*texts))) if finding.code in codes.split()]


def assert_marked_lines_are_found(*texts: str, codes: str) -> list[Finding]:
    """Assert that the rules find the lines that name them, and no others; return the findings."""
    marked = {
        (path, number, code)
        for path, text in files_of(*texts).items()
        for number, line in enumerate(str(text).split("\n"), 1)
        for code in re.findall(r"DJC\d{3}", line.partition("#")[2])
        if code in codes.split()
    }
    findings = findings_in(*texts, codes=codes)
    assert {(finding.path, finding.line, finding.code) for finding in findings} == marked
    return findings


# -- the apps and tasks that are seen


@pytest.mark.parametrize(
    "app",
    [
        "from celery import Celery\n\ndef make():\n    a = Celery('p')"
        "\n    a.config_from_object('django.conf:settings')\n    return a\n\napp = make()\n",
        "from celery import Celery\n\ndef make():\n    return Celery('p')\n\napp = make()\n",
        "from celery import Celery as C\n\nclass App(C):\n    pass\n\napp = App('p')\n",
        "from proj.base import Base\n\nclass App(Base):\n    pass\n\napp: Base = App('p')\n"
        "# proj/base.py\nfrom celery.app.base import Celery\n\nclass Base(Celery): ...\n",
        "from elsewhere import TracedCelery\n\napp = TracedCelery('p')\n",
        "from proj.factory import Factory\n\napp = Factory.make()\n"
        "# proj/factory.py\nimport celery\n\nclass Factory:\n    @staticmethod\n    def make():\n"
        "        return celery.Celery('p')\n",
    ],
)
def test_an_app_is_seen_however_it_is_made(app: str) -> None:
    task = """
    # shop/jobs.py
    from proj.celery import app

    @app.task
    def f(pk):
        try:
            w(pk)
        except Exception:  # DJC401
            pass
    """
    assert_marked_lines_are_found("# proj/celery.py\n" + app, task, codes="DJC401")


def test_the_settings_of_a_factory_are_its_apps() -> None:
    text = """
    # proj/celery.py
    from celery import Celery

    def make():
        a = Celery("p")
        a.config_from_object("django.conf:settings", namespace="QUEUE")
        return a

    app = make()
    """
    assert Project.of(files_of(text)).namespaces == {"QUEUE"}


@pytest.mark.parametrize(
    "alias",
    [
        "retrying = shared_task(acks_late=True)",
        "retrying = partial(shared_task, acks_late=True)",
        "late = shared_task(acks_late=True)\nretrying = late",
    ],
)
def test_an_alias_of_a_decorator_makes_tasks_with_its_options(alias: str) -> None:
    text = f"""
# shop/decorators.py
from functools import partial
from celery import shared_task
{alias}

# shop/models.py
from django.db import models
from shop.decorators import retrying

@retrying  # DJC410
def index(pk): ...

class Order(models.Model):
    def save(self, *args, **kwargs):
        super().save(*args, **kwargs)
        index.delay(self.pk)  # DJC103
"""
    assert_marked_lines_are_found(APP, text, codes="DJC103 DJC410")


def test_a_file_is_read_for_the_names_it_uses_and_not_for_its_words() -> None:
    text = """
    # proj/tools.py
    from celery import shared_task

    job = shared_task(acks_late=True)

    # shop/images.py
    from proj import app

    @app.task(queue="q")
    def draw(pk):
        try:
            paint(pk)
        except Exception:  # DJC401
            pass

    # shop/letters.py
    from proj.tools import job as quick

    @quick
    def print_it(pk):
        try:
            paint(pk)
        except Exception:  # DJC401
            pass

    # shop/models.py
    from django.db import models
    from shop.images import draw

    class Order(models.Model):
        def save(self, *args, **kwargs):
            draw.delay(self.pk)  # DJC103
    """
    assert_marked_lines_are_found(APP, text, codes="DJC401 DJC103")


def test_base_classes_are_followed_through_files() -> None:
    text = """
    # shop/base.py
    from django.db import models
    from pydantic import BaseModel

    class Stamped(models.Model):
        class Meta:
            abstract = True

    class Message(BaseModel): ...

    class Root: ...

    # shop/models.py
    import pydantic
    from model_utils.models import TimeStampedModel
    from shop.base import Message, Root, Stamped
    from shop.tasks import index

    class Order(Stamped):
        def save(self, *args, **kwargs):
            index.delay(self.pk)  # DJC103

    class Line(TimeStampedModel):
        def save(self, *args, **kwargs):
            index.delay(self.pk)  # DJC103

    class Event(pydantic.BaseModel):
        def save(self):
            index.delay(self.pk)

    class Letter(Message):
        def save(self):
            index.delay(self.pk)

    class RootModel(Root): ...

    class Tree(RootModel):
        def save(self):
            index.delay(self.pk)
    """
    assert_marked_lines_are_found(APP, TASKS, text, codes="DJC103")


def test_what_a_project_wraps_around_atomic_is_a_transaction() -> None:
    text = """
    # shop/tools.py
    from contextlib import ContextDecorator, contextmanager
    from functools import partial, wraps
    from django.db import transaction

    @contextmanager
    def traced():
        with transaction.atomic():
            yield

    @contextmanager
    def prepared():
        with transaction.atomic():
            prepare()
        yield

    @contextmanager
    def outer():
        with traced():
            yield

    def in_one_go(function):
        @wraps(function)
        def inner(*args):
            with transaction.atomic():
                return function(*args)
        return inner

    class Traced(ContextDecorator):
        def __enter__(self):
            self.atomic = transaction.atomic()
            self.atomic.__enter__()

        def __exit__(self, *error):
            self.atomic.__exit__(*error)

    on_default = partial(transaction.atomic, using="default")

    # shop/orders.py
    from contextlib import ExitStack
    from django.db import transaction
    from shop.tasks import index
    from shop.tools import Traced, in_one_go, on_default, outer, prepared, traced

    def place(o):
        with traced():
            o.save()
            index.delay(o.pk)  # DJC101
        with outer():
            o.save()
            index.delay(o.pk)  # DJC101
        with Traced():
            o.save()
            index.delay(o.pk)  # DJC101
        with on_default():
            o.save()
            index.delay(o.pk)  # DJC101
        with ExitStack() as stack:
            stack.enter_context(transaction.atomic())
            o.save()
            index.delay(o.pk)  # DJC101
        with prepared():
            o.save()
            index.delay(o.pk)

    @traced()
    def decorated(o):
        o.save()
        index.delay(o.pk)  # DJC101

    @in_one_go
    def wrapped(o):
        o.save()
        index.delay(o.pk)  # DJC101
    """
    assert_marked_lines_are_found(APP, TASKS, text, codes="DJC101")


def test_a_dispatch_is_recognized_by_what_it_does() -> None:
    text = """
    # shop/orders.py
    from celery import chain, chord, group
    from django.db import transaction
    from shop.tasks import index as one, other as two

    def place(order):
        with transaction.atomic():
            order.save()
            chain(one.s(1), two.s())()  # DJC101
            chord([one.s(1)])(two.s())  # DJC101
            (one.s(1) | two.s())()  # DJC101
            (one.s(1) | two.s()).delay()  # DJC101
            group([one.s(1)])()  # DJC101
            one.chunks([(1,)], 10).apply_async()  # DJC101
            one.chunks([(1,)], 10)()  # DJC101
            work = chain(one.s(1), two.s())
            work()  # DJC101
            joined = one.s(1) | two.s()
            joined.apply_async()  # DJC101
            chain(one.s(1), two.s()).set(countdown=3)()  # DJC101
            one.s(1).set(queue="q").delay()  # DJC101
            send = one.delay
            send(1)  # DJC101
            one.s(1)()
            chord([one.s(1)])
            order()
    """
    assert_marked_lines_are_found(APP, TASKS, text, codes="DJC101")


# -- limits that are text


def test_a_limit_that_an_environment_reader_leaves_as_text() -> None:
    text = """
    # proj/env.py
    import environ

    env = environ.Env(TYPED=(int, 5))

    # proj/settings.py
    from decouple import config
    from environs import Env
    from proj.env import env

    other = Env()
    INSTALLED_APPS = ["shop"]
    CELERY_TASK_TIME_LIMIT = env("L", default=None)  # DJC502
    CELERY_TASK_SOFT_TIME_LIMIT = env.str("L")  # DJC502
    CELERY_WORKER_CONCURRENCY = config("C", default=4)  # DJC502
    CELERY_WORKER_MAX_TASKS_PER_CHILD = other("M", 3)  # DJC502

    # proj/settings_right.py
    from decouple import config
    from environs import Env
    from proj.env import env

    other = Env()
    CELERY_TASK_TIME_LIMIT = env.int("L", default=None)
    CELERY_TASK_SOFT_TIME_LIMIT = env("L", default=30)
    CELERY_WORKER_CONCURRENCY = config("C", default=4, cast=int)
    CELERY_WORKER_MAX_TASKS_PER_CHILD = other.int("M", 3)
    CELERY_WORKER_PREFETCH_MULTIPLIER = env("TYPED")
    """
    assert_marked_lines_are_found(APP.partition("# proj/settings.py")[0], text, codes="DJC502")


# -- durable tasks


DURABLE = """
# shop/jobs.py
from celery import shared_task
from djcelery_jobs import DurableTask

@shared_task(base=DurableTask)
def charge(pk: int): ...

class Slow(DurableTask):
    one_transaction = False

@shared_task(base=Slow)
def talk(pk: int): ...
"""


def test_arguments_of_a_durable_task_are_json_and_fit() -> None:
    text = """
    # shop/orders.py
    from shop.jobs import charge, talk
    from shop.models import Invoice

    def place(pk):
        invoice = Invoice.objects.get(pk=pk)
        charge.delay(invoice)  # DJC201
        charge.delay({1, 2})  # DJC202
        charge.delay(1, 2)  # DJC208
        charge.delay(1, countdown=5)  # DJC204
        charge.delay()  # DJC208
        talk.delay(invoice)  # DJC201
        charge.apply_async((1,), key="order-1")
    """
    assert_marked_lines_are_found(APP, DURABLE, text, codes="DJC201 DJC202 DJC204 DJC205 DJC208")


def test_a_base_class_that_only_watches_calls_does_not_change_what_json_carries() -> None:
    text = """
    # shop/jobs.py
    from celery import Task, shared_task

    class Watched(Task):
        def __call__(self, *args, **kwargs):
            return super().__call__(*args, **kwargs)

    class Pickled(Task):
        serializer = "pickle"

    @shared_task(base=Watched)
    def watched(pks): ...

    @shared_task(base=Pickled)
    def pickled(pks): ...

    def go():
        watched.delay({1, 2})  # DJC202
        pickled.delay({1, 2})
    """
    assert_marked_lines_are_found(APP, text, codes="DJC202")


def test_a_durable_task_may_be_sent_in_a_transaction() -> None:
    text = """
    # shop/orders.py
    from celery import chain
    from django.db import models, transaction
    from shop.jobs import charge
    from shop.tasks import index

    def place(order):
        with transaction.atomic():
            order.save()
            charge.delay(order.pk)
            charge.s(order.pk).delay()
            chain(charge.s(order.pk), index.s())()
            chain(index.s(order.pk), charge.s())()  # DJC101
            index.delay(order.pk)  # DJC101

    class Order(models.Model):
        def save(self, *args, **kwargs):
            charge.delay(self.pk)
            index.delay(self.pk)  # DJC103
    """
    assert_marked_lines_are_found(APP, DURABLE, TASKS, text, codes="DJC101 DJC103")


def test_a_misspelt_option_of_a_durable_task_is_found() -> None:
    text = """
    # shop/more.py
    from celery import shared_task
    from djcelery_jobs import DurableTask

    @shared_task(base=DurableTask, one_transacton=False)  # DJC206
    def send(pk): ...

    @shared_task(base=DurableTask, one_transaction=False)
    def send_again(pk): ...
    """
    assert_marked_lines_are_found(APP, text, codes="DJC206")


# -- swallowed exceptions


def test_a_clause_that_tells_nobody_swallows_however_it_logs() -> None:
    text = """
    # shop/logs.py
    import logging

    logger = logging.getLogger(__name__)

    def log_exception(error, **extra):
        logger.exception(str(error))

    def remember(error):
        Failure.objects.create(text=str(error))

    # shop/jobs.py
    import logging
    from celery import shared_task
    from shop.logs import log_exception, remember

    logger = logging.getLogger(__name__)

    def note(error):
        logger.warning("failed: %s", error)

    @shared_task
    def one(pk):
        try:
            work(pk)
        except Exception as e:  # DJC401
            log_exception(e)
            return

    @shared_task
    def two(pk):
        try:
            work(pk)
        except Exception as e:  # DJC401
            logger.exception(e)
            release(pk)
            return

    @shared_task
    def three(pk):
        try:
            work(pk)
        except Exception as e:  # DJC401
            note(e)

    @shared_task
    def four(pk):
        try:
            work(pk)
        except Exception as e:
            logger.exception(e)
            remember(e)

    @shared_task
    def five(pk):
        try:
            work(pk)
        except Exception as e:
            logger.exception(e)
            mark_failed(pk)
    """
    findings = assert_marked_lines_are_found(APP, text, codes="DJC401")
    assert [finding.severity for finding in findings] == ["warning", "hint", "warning"]


# -- what the reader must not believe


def test_a_container_that_is_changed_is_unknown() -> None:
    text = """
    # shop/jobs.py
    from celery import shared_task

    @shared_task
    def build(a, b): ...

    def go(more):
        kwargs = {"a": 1}
        kwargs["b"] = 2
        build.apply_async(kwargs=kwargs)
        others = {"a": 1}
        others.update(b=2)
        build.apply_async(kwargs=others)
        third = dict(a=1)
        third.setdefault("b", 2)
        build.apply_async(kwargs=third)
        args = [1]
        args.append(2)
        build.apply_async(args)
        fourth = {"a": 1}
        fourth |= more
        build.apply_async(kwargs=fourth)
        short = {"a": 1}
        build.apply_async(kwargs=short)  # DJC208
    """
    assert_marked_lines_are_found(APP, text, codes="DJC208")


def test_a_local_name_hides_a_task() -> None:
    text = """
    # shop/orders.py
    import requests
    from celery import shared_task
    from shop.tasks import index, other

    @shared_task
    def here(pk): ...

    def unpacked():
        index, rest = prepare()
        index.apply_async()

    def looped(things):
        for index in things:
            index.delay()

    def passed(index):
        index.delay()

    def opened():
        with prepare() as index:
            index.delay()

    def assigned():
        here = prepare()
        here.delay()

    def inner():
        def index(): ...
        index.delay()

    def aliased():
        index = other
        index.delay()  # DJC208

    class View:
        index = 3

        def post(self):
            index.delay()  # DJC208

    def plain():
        index.delay()  # DJC208
        here.delay()  # DJC208

    @shared_task
    def fetch(url):
        requests = Client()
        requests.get(url)
    """
    assert_marked_lines_are_found(APP, TASKS, text, codes="DJC208 DJC504")


def test_a_transaction_that_only_reads_is_a_hint_without_a_fix() -> None:
    text = """
    # shop/orders.py
    from django.db import transaction
    from shop.models import Order
    from shop.tasks import index

    def read(pk):
        with transaction.atomic():
            order = Order.objects.select_for_update().get(pk=pk)
            index.delay(order.pk)  # DJC101

    def write(pk):
        with transaction.atomic():
            order = Order.objects.get(pk=pk)
            index.delay(order.pk)  # DJC101
            order.close()
    """
    read, write = assert_marked_lines_are_found(APP, TASKS, text, codes="DJC101")
    assert (read.severity, read.fix) == ("hint", None)
    assert write.severity == "error"
    assert write.safe_fix


def test_what_runs_after_a_migration_is_not_sent_by_it() -> None:
    text = """
    # shop/migrations/0002_fill.py
    from django.db.models.signals import post_migrate
    from shop.tasks import index

    def forwards(apps, se):
        def done(**kw):
            index.delay(1)
        post_migrate.connect(done, weak=False)
        index.delay(2)  # DJC111

    # shop/migrations/tasks/v1.py
    from celery import shared_task

    @shared_task
    def batch(start):
        batch.delay(start + 1)
    """
    assert_marked_lines_are_found(APP, TASKS, text, codes="DJC111")


OLD_NAMES = """
# proj/settings.py
INSTALLED_APPS = ["shop"]
CELERY_ACKS_LATE = False
BROKER_URL = "redis://localhost"
TASK_TIME_LIMIT = 5
"""


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        ("# pyproject.toml\n[project]\ndependencies = ['celery>=5.7']", "hint"),
        ("# pyproject.toml\n[project]\ndependencies = ['celery[redis]==5.6.3']", "warning"),
        ('# pyproject.toml\n[tool.poetry.dependencies]\ncelery = "^5.3"', "warning"),
        ('# pyproject.toml\n[tool.poetry.dependencies]\ncelery = {version = "^5.7.0", extras = ["redis"]}', "hint"),
        ("# pyproject.toml\n[project]\ndependencies = ['celery>=6.0']", "warning"),
        ("", "hint"),
    ],
)
def test_old_names_are_judged_by_the_version_of_celery(requirement: str, expected: str) -> None:
    app = APP.partition("# proj/settings.py")[0]
    findings = findings_in(app, OLD_NAMES, requirement, codes="DJC702 DJC703")
    by_line = {finding.line: finding.severity for finding in findings}
    assert by_line == {2: expected, 3: expected, 4: "warning"}


def test_a_worker_that_a_script_starts_consumes_its_queues() -> None:
    app = APP + 'CELERY_TASK_ROUTES = {"shop.tasks.index": "slow", "shop.tasks.other": "gone"}\n'
    compose = "services:\n  fast:\n    command: celery -A proj worker -Q fast\n"
    script = "#!/bin/sh\nset -e\nexec celery -A proj worker \\\n  -Q slow\n"
    files = {**files_of(app, TASKS), "compose.yaml": compose, "docker/entrypoint.sh": script}
    messages = [finding.message for finding in judge(Project.of(files)) if finding.code == "DJC801"]
    assert messages == ["no worker started here consumes gone"]


# -- fixes

ORDER = """
# shop/orders.py
from django.db import transaction
from shop.jobs import index

def place(o):
    with transaction.atomic():
        o.save()
        index.delay(o.pk)  # DJC101
"""

PLAIN_TASK = "# shop/jobs.py\nfrom celery import shared_task\n\n@shared_task\ndef index(pk): ...\n"


@pytest.mark.parametrize(
    "jobs",
    [
        "# shop/jobs.py\nimport celery\nfrom celery import shared_task\n\nclass B(celery.Task): ...\n\n"
        "@shared_task(base=B)\ndef index(pk): ...\n",
        PLAIN_TASK + "# proj/more.py\nfrom celery import Task\nfrom proj.celery import app\n\n"
        "class B(Task): ...\n\napp.Task = B\n",
        PLAIN_TASK + "# requirements.txt\ncelery==5.3.6\n",
        PLAIN_TASK + "# requirements/base.txt\ncelery[redis] >= 5.2, < 6\n",
        PLAIN_TASK + '# uv.lock\n[[package]]\nname = "celery"\nversion = "5.3.6"\n',
        PLAIN_TASK + '# pyproject.toml\n[tool.poetry.dependencies]\ncelery = "^5.3"\n',
    ],
)
def test_no_fix_is_safe_where_the_method_is_missing(jobs: str) -> None:
    findings = assert_marked_lines_are_found(APP, jobs, ORDER, codes="DJC101")
    assert not any(finding.safe_fix for finding in findings)


@pytest.mark.parametrize(
    "jobs",
    [
        PLAIN_TASK,
        PLAIN_TASK + "# requirements.txt\ncelery>=5.4,<6\ndjango-celery-beat==2.1\n",
        PLAIN_TASK + '# pyproject.toml\n[project]\ndependencies = ["celery>=5.2"]\n'
        '# uv.lock\n[[package]]\nname = "celery"\nversion = "5.6.3"\n',
        "# shop/jobs.py\nfrom celery import shared_task\nfrom proj.celery import app\n\nclass B(app.Task): ...\n\n"
        "@shared_task(base=B)\ndef index(pk): ...\n",
    ],
)
def test_a_fix_is_safe_where_celery_has_the_method(jobs: str) -> None:
    findings = assert_marked_lines_are_found(APP, jobs, ORDER, codes="DJC101")
    assert all(finding.safe_fix for finding in findings)


def test_no_fix_is_safe_where_it_would_wait_for_something_else() -> None:
    text = """
    # shop/orders.py
    from django.db import transaction
    from django.db.models.signals import post_save
    from django.dispatch import receiver
    from shop.tasks import index

    def place(o, alias):
        with transaction.atomic(using="replica"):
            o.save()
            index.delay(o.pk)  # DJC101
        with transaction.atomic(alias):
            o.save()
            index.delay(o.pk)  # DJC101

    @transaction.atomic(using="replica")
    def decorated(o):
        o.save()
        index.delay(o.pk)  # DJC101

    @receiver(post_save)
    async def saved(sender, instance, **kwargs):
        index.delay(instance.pk)  # DJC102
    """
    findings = assert_marked_lines_are_found(APP, TASKS, text, codes="DJC101 DJC102")
    assert not any(finding.safe_fix for finding in findings)
