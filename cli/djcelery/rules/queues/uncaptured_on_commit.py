"""Tests never run on_commit callbacks.

Why: Django's TestCase rolls back, so `delay_on_commit` and `on_commit` never fire. The path from the view to the task
is not tested.

Bad:
    # shop/orders.py
    from shop.tasks import index

    def place(order):
        index.delay_on_commit(order.pk)

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk): ...

    # shop/tests.py
    from django.test import TestCase

    class OrderTest(TestCase):
        def test_place(self): ...

Good:
    # shop/orders.py
    from shop.tasks import index

    def place(order):
        index.delay_on_commit(order.pk)

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk): ...

    # shop/tests.py
    from django.test import TestCase

    class OrderTest(TestCase):
        def test_place(self):
            with self.captureOnCommitCallbacks(execute=True): ...

Evidence: F11; Django's documentation of captureOnCommitCallbacks.

Ignore it when: other tests cover the whole path.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at

CODE = "DJC812"
SEVERITY = "hint"
TESTS = (b"import TestCase", b"django_db", b"APITestCase")
CAPTURE = (
    b"captureOnCommitCallbacks",
    b"TransactionTestCase",
    b"capture_on_commit",
    b"transaction=True",
    b"LiveServerTestCase",
    b"transactional_db",
    b"on_commit",
)


def find(project: Project) -> Iterator[Finding]:
    """Yield the first deferred dispatch if there are tests and none of them runs callbacks."""
    sites = [site for site in project.sites if site.is_deferred or (site.after_commit and site.task is not None)]
    if sites and project.mentions(TESTS, tests=True) and not project.mentions(CAPTURE, tests=True):
        yield at(sites[0].module, sites[0].value, "no test runs on_commit callbacks, so this is never tested")
