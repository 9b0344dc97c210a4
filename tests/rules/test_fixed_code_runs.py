"""Test that the code that a safe fix leaves runs on the installed Celery, and sends after the commit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from djcelery.edits import edited
from djcelery.project.project import Project
from djcelery.rules import example, judge

PROJECT = """
# proj/__init__.py
from proj.celery import app

# proj/settings.py
SECRET_KEY = "s"
INSTALLED_APPS = ["shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
CELERY_TASK_TIME_LIMIT = 5
CELERY_TASK_SOFT_TIME_LIMIT = 4

# proj/celery.py
import os
from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "proj.settings")
app = Celery("proj")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# shop/__init__.py
# shop/tasks.py
import json
from celery import shared_task
from proj.celery import app

log = []

class AppTask(app.Task):
    abstract = True

@shared_task
def plain(pk):
    log.append(["plain", pk])

@app.task
def by_app(pk):
    log.append(["by_app", pk])

@shared_task(base=AppTask, bind=True)
def with_base(self, pk):
    log.append(["with_base", pk])

# shop/models.py
from django.db import models
from django.db.models.signals import post_save
from django.dispatch import receiver
from shop.tasks import with_base

class Order(models.Model):
    class Meta:
        app_label = "shop"

    def save(self, *args, **kwargs):
        super().save(*args, **kwargs)
        with_base.apply_async((self.pk,))

@receiver(post_save, sender=Order)
def saved(sender, instance, **kwargs):
    with_base.delay(instance.pk)

# shop/orders.py
from django.db import transaction
from shop.models import Order
from shop.tasks import by_app, log, plain

def place():
    with transaction.atomic():
        order = Order()
        order.save()
        plain.delay(order.pk)
        by_app.apply_async(args=(order.pk,))
        log.append(["commit"])

# run.py
import json
import proj.celery
import django

django.setup()
from django.db import connection
from shop.models import Order
from shop.orders import place
from shop.tasks import log

with connection.schema_editor() as editor:
    editor.create_model(Order)
place()
print(json.dumps(log))
"""


def run(files: dict[str, str], folder: Path) -> list[list[object]]:
    """Write a project, run it, and return what it logged."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    process = subprocess.run(
        [sys.executable, "run.py"], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert process.returncode == 0, process.stderr
    log: list[list[object]] = json.loads(process.stdout)
    return log


def test_the_fixed_code_sends_after_the_commit(tmp_path: Path) -> None:
    files = {path: str(text) for path, text in example(PROJECT).items()}
    codes = {"DJC101", "DJC102", "DJC103"}
    findings = [finding for finding in judge(Project.of({**files})) if finding.code in codes]
    assert {finding.code for finding in findings} == codes
    assert all(finding.safe_fix for finding in findings)
    fixed = dict(files)
    for path in {finding.path for finding in findings}:
        edits = [edit for finding in findings if finding.path == path and finding.fix for edit in finding.fix.edits]
        fixed[path] = edited(files[path].encode(), edits).decode()
    before, after = run(files, tmp_path / "before"), run(fixed, tmp_path / "after")
    assert before[-1] == ["commit"]
    assert after[0] == ["commit"]
    assert sorted(map(str, after)) == sorted(map(str, before))
    assert len(after) == 5
