"""Write a small project with one mistake (DJC101), and check it in this process."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from djcelery import main

TASKS = """\
from celery import shared_task
from django.db import transaction


@shared_task
def index(pk): ...


def place(order):
    with transaction.atomic():
        index.delay(order.pk)
"""


def write_shop(folder: Path) -> Path:
    """Write the project into a new folder, and return the folder."""
    (folder / "shop").mkdir(parents=True)
    (folder / "shop" / "tasks.py").write_text(TASKS)
    return folder


def check(*words: object) -> Result:
    """Run `djcelery check` with these words on its command line."""
    return CliRunner().invoke(main.cli, ["check", *(str(word) for word in words)])
