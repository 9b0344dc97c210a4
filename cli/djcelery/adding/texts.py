"""Hold the text of new files and functions. Lines are short, so that any formatter leaves them as they are."""

from __future__ import annotations

DURABLE = '''\
@shared_task(base=DurableTask)
def {name}({parameters}) -> None:
    """Say what this task does.

    Safe to run twice: the whole task is one transaction, and it also marks
    its job as done, so a second delivery has no effect.
    """
    raise NotImplementedError("{advice}")
'''

PLAIN = '''\
@shared_task
def {name}({parameters}) -> None:
    """Say what this task does, and why it is safe to run twice.

    It may be lost, and may run twice. Make each write conditional, or claim
    it: with effect_once(f"{name}:...") as first:
    """
    raise NotImplementedError("{advice}")
'''

ADVICE_ROW = "Read the row with filter(pk=pk).first()."
ADVICE_NO_ROW = "Write this task and its test."

TASKS = '"""The background jobs of this app."""\n'
APP_TASKS = '''\
"""The background jobs of this app. Each explains why it is safe to run twice."""
'''
APP_SERVICES = '''\
"""What the views of this app call: write rows and dispatch jobs, in one transaction."""
'''
APP_CONFIG = """\
from django.apps import AppConfig


class {class_name}(AppConfig):
    name = "{app}"
"""
APP_TEST = '''\
"""The app {app} is part of the project."""

from django.apps import apps


def test_is_installed():
    assert apps.is_installed("{app}")
'''

TEST_WITH_ROW = '''\
"""Test {task}: write `pk` and `effect` below."""

{imports}

@pytest.fixture
def pk(db) -> int:
    """Return the id of the row that the task works on."""
    pytest.fail("Create the row here, and return its id.")


def effect(pk: int) -> object:
    """Return what the task changes, as values that can be compared."""
    pytest.fail("Return the row's new values, the mails that were sent, ...")


def test_has_its_effect(pk):
    before = effect(pk)

    {name}(pk)

    assert effect(pk) != before


def test_a_second_delivery_has_no_effect(pk):
    {name}(pk)
    once = effect(pk)

    {name}(pk)

    assert effect(pk) == once


def test_a_row_that_is_gone_is_no_error(db):
    {name}(0)


{queue_test}'''

TEST_WITHOUT_ROW = '''\
"""Test {task}: write `rows` and `effect` below."""

{imports}

@pytest.fixture
def rows(db) -> None:
    """Create the rows that the task works on."""
    pytest.fail("Create the rows here.")


def effect() -> object:
    """Return what the task changes, as values that can be compared."""
    pytest.fail("Return the new values of the rows, ...")


def test_has_its_effect(rows):
    before = effect()

    {name}()

    assert effect() != before


def test_a_second_delivery_has_no_effect(rows):
    {name}()
    once = effect()

    {name}()

    assert effect() == once


def test_nothing_to_do_is_no_error(db):
    {name}()


{queue_test}'''

QUEUE_TEST = """\
def test_runs_in_its_queue(broker):
    {name}.delay({argument})

    [ran] = broker.drain()

    assert ran.task == "{task}"
    assert ran.queue == "{queue}"
"""

ROUTE_TEST = """\
def test_is_routed_to_its_queue():
    route = current_app.amqp.router.route({{}}, {name}.name)

    assert route["queue"].name == "{queue}"
"""

TEST_CASE = '''\
"""Test {task}: write `create` and `effect` below."""

from celery import current_app
from django.test import TestCase

from {app}.tasks import {name}


class {class_name}Tests(TestCase):
    def create(self):
        """Create what the task works on, and return the id of the row if it gets one."""
        self.fail("Create the row here, and return its id.")

    def effect({self_pk}):
        """Return what the task changes, as values that can be compared."""
        self.fail("Return the row's new values, the mails that were sent, ...")

    def test_has_its_effect(self):
        {setup}
        before = self.effect({pk})

        {name}({pk})

        self.assertNotEqual(self.effect({pk}), before)

    def test_a_second_delivery_has_no_effect(self):
        {setup}
        {name}({pk})
        once = self.effect({pk})

        {name}({pk})

        self.assertEqual(self.effect({pk}), once)

    def test_nothing_to_work_on_is_no_error(self):
        {name}({gone})

    def test_is_routed_to_its_queue(self):
        route = current_app.amqp.router.route({{}}, {name}.name)

        self.assertEqual(route["queue"].name, "{queue}")
'''

APP_TEST_CASE = '''\
"""The app {app} is part of the project."""

from django.apps import apps
from django.test import SimpleTestCase


class AppTests(SimpleTestCase):
    def test_is_installed(self):
        self.assertTrue(apps.is_installed("{app}"))
'''
