"""Test that a check after any edit finds what a check without a cache finds, also when it reads nearly nothing again.

Each sequence of edits is random, but the same in every run of the tests.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from djcelery.checking import kept_answers, run
from djcelery.checking.run import Report
from djcelery.project import loading, reading_by_name
from djcelery.project.answers import Answers
from djcelery.project.facts import Module
from djcelery.project.files import Tree
from djcelery.project.text_search import Matches, TextSearch
from tests.rules.test_running import running

SEEDS = range(8)
EDITS = 25

# Each path with the contents that it may have. Together they touch names across files, texts that any file may hold,
# files that are read only because a name leads there, and files that are no Python.
CONTENTS: dict[str, list[str]] = {
    "manage.py": ['import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\n'],
    "shop/__init__.py": ["", "from shop.celery import app\n"],
    "shop/celery.py": [
        "from celery import Celery\napp = Celery('shop')\napp.config_from_object('django.conf:settings', "
        "namespace='CELERY')\napp.autodiscover_tasks()\n",
        "from celery import Celery\napp = Celery('shop', broker='amqp://x')\napp.conf.task_time_limit = 'soon'\n",
        "from shop.factory import make_app\napp = make_app()\n",
    ],
    "shop/factory.py": [
        "from celery import Celery, shared_task\ndef make_app():\n    app = Celery('shop')\n    return app\n"
        "def job(function):\n    return shared_task(acks_late=True)(function)\n",
        "from celery import shared_task\ndef work(function):\n    return shared_task(function)\n",
        "def job(function):\n    return function\n",
    ],
    "shop/settings.py": [
        "from shop.base import *\nCELERY_BROKER_URL = 'redis://x'\nCELERY_TASK_ALWAYS_EAGER = True\n",
        "INSTALLED_APPS = ['orders']\nCELERY_BROKER_URL = 'amqp://x'\nCELERY_TASK_ROUTES = {'orders.gone': 'slow'}\n",
        "INSTALLED_APPS = []\nTASK_TIME_LIMIT = 3\nCELERY_TASK_TIME_LIMITS = 3\nBROKER_URL = 'redis://x'\n",
    ],
    "shop/base.py": [
        "INSTALLED_APPS = ['orders']\nATOMIC_REQUESTS = True\n",
        "CELERY_BEAT_SCHEDULE = {'a': {'task': 'orders.tasks.gone', 'schedule': 3}}\n",
        "import sentry_sdk\n",
    ],
    "orders/tasks.py": [
        "from celery import shared_task\n\n\n@shared_task\ndef send(pk): ...\n",
        "from celery import shared_task\nfrom orders.bases import Quiet\n\n@shared_task(base=Quiet)\n"
        "def send(pk, x): ...\n",
        "from shop.factory import job\n\n@job\ndef send(pk): ...\n",
        "from celery import shared_task\n\n@shared_task(bind=True, max_retries=None)\ndef send(self, pk):\n"
        "    try:\n        print(pk)\n    except Exception as error:\n        log(error)\n",
        "from celery import shared_task\n\n@shared_task  # noqa: DJC501, DJC101\ndef other(pk): ...\n",
        "def broken(:\n",
    ],
    "orders/work.py": [
        "from shop.factory import job\n\n@job\ndef pack(pk): ...\n",
        "from shop.factory import work\n\n\n@work\ndef pack(pk): ...\n",
    ],
    "orders/bases.py": [
        "class Quiet:\n    pass\n",
        "from celery import Task\nclass Quiet(Task):\n    def delay(self, *args): ...\n",
        "from djcelery_jobs import DurableTask as Quiet\n",
    ],
    "orders/views.py": [
        "from django.db import transaction\nfrom orders.tasks import send\n\ndef place(request):\n"
        "    with transaction.atomic():\n        send.delay(1)\n",
        "from django.db import transaction\nfrom orders.opening import opened\nfrom orders.tasks import send\n\n"
        "def place(request):\n    with opened():\n        send.delay(1, 2)  # é\n",
        "from orders.work import pack\n\ndef place(request):\n    for x in range(3):\n        pack.delay(1).get()\n",
    ],
    "orders/opening.py": [
        "from contextlib import contextmanager\nfrom django.db import transaction\n\n@contextmanager\ndef opened():\n"
        "    with transaction.atomic():\n        yield\n",
        "import sentry_sdk\nfrom contextlib import contextmanager\n\n@contextmanager\ndef opened():\n    yield\n",
    ],
    "orders/notes.py": [
        "from django.conf import settings\nprint(settings.TASK_TIME_LIMIT, settings.CELERY_TASK_TIME_LIMITS)\n",
        "from orders import work\nimport sentry_sdk\n",
        "x = 1\n",
    ],
    "orders/tests/test_orders.py": [
        "from django.test import TestCase\nclass Orders(TestCase): ...\n",
        "def test(django_capture_on_commit_callbacks): ...\n",
        "from orders.work import pack\n",
    ],
    "requirements.txt": ["celery==5.4\ndjango==3.2\n", "celery>=4.0\ndjango==5.1\n", "django-celery-results\n"],
    "compose.yaml": [
        "services:\n  w:\n    command: celery -A shop worker -B -n one\n    deploy: {replicas: 2}\n",
        "services:\n  w:\n    command: celery -A shop worker -Q slow\n    stop_grace_period: 1s\n",
    ],
    "Dockerfile": ["CMD celery -A shop worker -n one\n", "FROM x\n"],
}
OFTEN = ["shop/factory.py"] * 3 + ["shop/celery.py", "orders/notes.py", "orders/opening.py"]  # others depend on them
EXCLUDES: tuple[tuple[str, ...], ...] = ((), ("orders/views.py",), ("shop",), ("orders/tests/*",))


class Edits:
    """Edit a project at random, and check it after each edit."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root = root / "project"
        self.cache = root / "cache"
        self.random = random.Random(seed)  # noqa: S311 - no secret
        self.clock = 10**9  # a second of its own for each edit
        self.exclude: tuple[str, ...] = ()
        for path in CONTENTS:
            self.write(path)

    def write(self, path: str) -> None:
        """Give a file one of its contents, below some empty lines."""
        self.put(path, "\n" * self.random.randrange(3) + self.random.choice(CONTENTS[path]))

    def put(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_text(text)
        self.clock += 1
        os.utime(file, (self.clock, self.clock))

    def some_file(self) -> Path:
        return self.random.choice(sorted(path for path in self.root.rglob("*") if path.is_file()))

    def change(self) -> None:
        self.write(self.random.choice([*CONTENTS, *OFTEN, *OFTEN]))

    def touch(self) -> None:
        self.clock += 1
        os.utime(self.some_file(), (self.clock, self.clock))

    def delete(self) -> None:
        self.some_file().unlink()

    def add(self) -> None:
        path = self.random.choice(list(CONTENTS))
        self.put(f"more/{path}", self.random.choice(CONTENTS[path]))

    def rename(self) -> None:
        file = self.some_file()
        new = self.root / self.random.choice(list(CONTENTS))
        new.parent.mkdir(parents=True, exist_ok=True)
        file.rename(new)

    def link(self) -> None:
        target, link = self.some_file(), self.root / f"orders/link_{self.clock}.py"
        link.parent.mkdir(exist_ok=True)
        if self.random.random() < 0.3:
            target = self.root.parent / "outside.py"
            target.touch()
        if not os.path.lexists(link):
            link.symlink_to(target)

    def move_root(self) -> None:
        """Give the files in a folder other dotted names, by the file that tells from where Python imports them."""
        if (self.root / "orders/manage.py").exists():
            (self.root / "orders/manage.py").unlink()
        else:
            self.put("orders/manage.py", "")

    def other_exclude(self) -> None:
        self.exclude = self.random.choice(EXCLUDES)

    def once(self) -> str:
        """Do one edit, and return its name."""
        kinds: list[Callable[[], None]] = [self.change] * 6
        kinds += [self.touch, self.delete, self.add, self.rename, self.link, self.move_root, self.other_exclude]
        kind = self.random.choice(kinds)
        kind()
        return kind.__name__

    def compare(self) -> tuple[Report, Report]:
        """Return the report with the cache, and the one without; sometimes with unsaved text or a running app."""
        more: dict[str, Any] = {}
        if self.random.random() < 0.15:
            path = self.random.choice([path for path in CONTENTS if path.endswith(".py")])
            more["unsaved"] = {path: self.random.choice(CONTENTS[path]).encode()}
        elif self.random.random() < 0.15:
            more["running"] = running(tasks={}, schedule={})
        cached = run.run(str(self.root), self.exclude, cache_dir=str(self.cache), **more)
        return cached, run.run(str(self.root), self.exclude, use_cache=False, **more)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_check_finds_the_same_with_a_cache_after_each_of_many_edits(tmp_path, seed):
    edits = Edits(tmp_path, seed)
    done = []
    for _ in range(EDITS):
        cached, fresh = edits.compare()
        assert cached == fresh, done
        done.append(edits.once())


def test_a_search_of_another_state_is_not_believed(tmp_path):
    """Test what is left when a run ends after it has kept the answers of files, before the matches of its searches."""
    edits = Edits(tmp_path, 0)
    edits.put("shop/settings.py", CONTENTS["shop/settings.py"][0])
    edits.put("shop/celery.py", CONTENTS["shop/celery.py"][0])
    for path in ("shop/base.py", "orders/notes.py", "orders/opening.py"):
        edits.put(path, "x = 1\n")
    nothing_reports, _ = edits.compare()
    (matches,) = edits.cache.glob("*/matches")
    before = matches.read_bytes()
    edits.put("orders/notes.py", "import sentry_sdk\n")
    edits.compare()
    matches.write_bytes(before)
    edits.put("requirements.txt", "celery==5.3\n")
    cached, fresh = edits.compare()
    assert cached == fresh
    assert {finding.code for finding in nothing_reports.findings} - {finding.code for finding in fresh.findings} == {
        "DJC811"
    }


def differs(folder: Path) -> bool:
    """Return whether any of the sequences shows a difference."""
    for seed in SEEDS:
        edits = Edits(folder / str(seed), seed)
        for _ in range(EDITS):
            cached, fresh = edits.compare()
            if cached != fresh:
                return True
            edits.once()
    return False


def recall_whatever_changed(self: kept_answers.KeptAnswers, tree: Tree) -> Answers:
    return Answers({path: answers for part in self.parts for path, (_, _, answers) in part.items()})


def believe_matches(self: TextSearch, questions: dict[str, Matches]) -> set[str]:
    answers = self.tree.answers
    answers.matches |= {question: path for question, path in answers.kept_matches.items() if question in questions}
    return matching(self, questions)


def forget_words(tree: Tree, path: str, words: re.Pattern[bytes], question: str) -> Module | None:
    return module_with_any(tree, path, words, "names")


def forget_offers(answer: Any) -> Any:
    return ({}, [], []) if isinstance(answer, tuple) else as_plain_data(answer)


def forget_calls(answer: Any) -> Any:
    if isinstance(answer, Module):
        answer._call_positions = {}
    return as_plain_data(answer)


def forget_definitions(answer: Any) -> Any:
    if isinstance(answer, Module):
        answer._remembered["definitions"] = {}
    return as_plain_data(answer)


def forget_decorators(answer: Any) -> Any:
    if isinstance(answer, Module):
        answer._remembered["decorated functions"] = []
    return as_plain_data(answer)


as_plain_data = kept_answers.as_plain_data
matching, module_with_any, fingerprint = TextSearch._matching, reading_by_name.module_with_any, run.fingerprint
MUTANTS = {
    "files stay the same, whatever their time and size": (kept_answers.KeptAnswers, "recall", recall_whatever_changed),
    "facts hold under any dotted name": (loading.Job, "question", "facts"),
    "a search finds what it found before": (TextSearch, "_matching", believe_matches),
    "a file has any words that it had others of": (reading_by_name, "module_with_any", forget_words),
    "no module offers decorators": (kept_answers, "as_plain_data", forget_offers),
    "no module calls anything": (kept_answers, "as_plain_data", forget_calls),
    "no module defines anything": (kept_answers, "as_plain_data", forget_definitions),
    "no function has a decorator": (kept_answers, "as_plain_data", forget_decorators),
    "findings hold whatever the links are": (
        run,
        "fingerprint",
        lambda entries, *more: fingerprint(entries, *more[:-1]),
    ),
    "findings hold whatever is excluded": (run, "fingerprint", lambda entries, *more: "same"),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_the_edits_show_it_when_the_cache_is_wrong(tmp_path, monkeypatch, name):
    monkeypatch.setattr(*MUTANTS[name])
    assert differs(tmp_path)
