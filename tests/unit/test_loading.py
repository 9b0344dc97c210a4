"""Test loading the facts of a folder: on several cores as on one, and again only for the files that changed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from djcelery.project import loading
from djcelery.project.answers import Answers
from djcelery.project.facts import Block, Call, Module, Value
from djcelery.project.files import Tree
from djcelery.project.loading import load
from djcelery.project.names import Names
from djcelery.project.packing import PackedModule, pack, rows_of
from djcelery.time_limit import TookTooLong, time_limit

TASKS = "from celery import shared_task\n\n@shared_task(name='{0}')\ndef index(pk): ...\n\nindex.delay({0!r})\n"

MORE = """\
from functools import partial

from celery import Task, chain, shared_task
from django.db import transaction


class Base(Task):
    acks_late = True


@shared_task(base=Base, bind=True)
def send(self, pk, *, again=False):
    try:
        raise ValueError(pk)
    except ValueError as error:  # noqa: DJC401
        print(error)


def place(orders, kind):
    options = {"countdown": 3, **orders.options}
    for order in orders:
        with transaction.atomic(using="other"):
            transaction.on_commit(partial(send.delay, order.pk, again=not kind))
            (send.s(1) | send.si(f"{kind}")).apply_async(**options)
    return chain(send.s(x) for x in orders)()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(20):
        (tmp_path / f"tasks_{number}.py").write_text(TASKS.format(number))
    (tmp_path / "passed_over.py").write_text("x = 1\n")
    (tmp_path / "broken_task.py").write_text("def task(:\n")
    return tmp_path


def scanned(folder: Path, kept: Tree | None = None) -> Tree:
    """Return the files of a folder, with the answers that another tree was given about those that have not changed."""
    tree = Tree(str(folder))
    tree.scan()
    if kept is not None:
        unchanged = {entry.path for entry in {*tree.entries} & {*kept.entries}}
        given = {path: answers for path, answers in kept.answers.given.items() if path in unchanged}
        tree.answers = Answers(given)
    return tree


ENDING = ("tasks_3.py", "tasks_4.py")


def use_all_memory() -> None:
    raise MemoryError


def facts(modules: list[Module]) -> dict[str, object]:
    return {module.path: rows_of(module) for module in modules}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="one process is used where there is no fork")
def test_several_processes_read_the_same_facts_as_one(folder, monkeypatch):
    alone = load(scanned(folder))
    monkeypatch.setattr(loading, "BYTES_PER_PROCESS", 100)
    monkeypatch.setattr(loading.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(loading, "read_file", read_in_child(os.getpid()))
    together = load(scanned(folder))
    assert len(alone) == 21
    assert facts(together) == facts(alone)


def read_in_child(parent: int):
    read_file = loading.read_file

    def read(tree: Tree, job: loading.Job) -> Module | None:
        assert os.getpid() != parent
        return read_file(tree, job)

    return read


def test_known_facts_are_used_for_every_file_in_the_same_state(folder, monkeypatch):
    tree = scanned(folder)
    first = load(tree)
    (folder / "tasks_3.py").write_text(TASKS.format(333))
    (folder / "tasks_4.py").unlink()
    read_paths: list[str] = []
    read_file = loading.read_file
    monkeypatch.setattr(loading, "read_file", lambda tree, job: read_paths.append(job.path) or read_file(tree, job))
    tree = scanned(folder, kept=tree)
    second = load(tree)
    assert read_paths == ["tasks_3.py"]
    unchanged = facts(first).keys() - {"tasks_3.py", "tasks_4.py"}
    assert {path: facts(second)[path] for path in unchanged} == {path: facts(first)[path] for path in unchanged}
    assert "tasks_4.py" not in tree.answers.given
    third = load(scanned(folder, kept=tree))
    assert read_paths == ["tasks_3.py"]
    assert facts(third) == facts(second)


def test_packed_facts_are_the_same_facts(folder):
    (folder / "tasks_20.py").write_text(MORE)
    for module in load(scanned(folder)):
        packed = PackedModule(pack(module))
        assert rows_of(packed) == rows_of(module)
        assert pack(packed) is packed.packed


def test_what_is_unpacked_alone_is_the_same_object_when_all_is_unpacked(folder):
    (folder / "tasks_20.py").write_text(MORE)
    for module in load(scanned(folder)):
        packed = PackedModule(pack(module))
        for name in ("functions", "classes", "assigns", "calls", "blocks"):
            count = len(getattr(module, name))
            alone = [packed.item_at(name, position) for position in reversed(range(count))]
            assert name in packed.packed_lists
            assert all(one is other for one, other in zip(reversed(alone), getattr(packed, name), strict=True))
            assert packed.items_at(name, range(count)) == getattr(packed, name)


def test_a_definition_is_unpacked_without_its_neighbours(folder):
    (folder / "tasks_20.py").write_text(MORE)
    module = next(module for module in load(scanned(folder)) if module.path == "tasks_20.py")
    packed, names = PackedModule(pack(module)), Names(lambda name: None)
    names.add(packed)
    definition = names.definition(packed.name, "place")
    assert definition.function.name == "place"
    assert "functions" in packed.packed_lists
    assert {name: [*items] for name, items in packed.known_items.items()} == {"functions": [definition.position]}


def test_a_packed_value_can_be_changed_in_a_copy_as_any_other():
    call = Value("call", name="send", items=[Value("const", const=1)], keywords={"countdown": Value("const", const=2)})
    calls = [Call(call, 0, ["discard"])]
    module = PackedModule(pack(Module("tasks.py", "tasks", blocks=[Block(-1, "module")], calls=calls)))
    packed = module.calls[0].value
    moved = replace(packed, line=7)
    assert (packed.line, moved.line, moved.keywords["countdown"].const) == (0, 7, 2)
    for owner in (packed, module):
        with pytest.raises(AttributeError):
            owner.nothing  # noqa: B018 - reading it is the test


@pytest.mark.skipif(not hasattr(os, "fork"), reason="one process is used where there is no fork")
@pytest.mark.parametrize("end", [lambda: os.kill(os.getpid(), signal.SIGKILL), lambda: os._exit(0), use_all_memory])
def test_a_file_that_ends_the_process_that_reads_it_is_named_and_the_others_are_read(folder, monkeypatch, end):
    read_file = loading.read_file
    alone = load(scanned(folder))
    monkeypatch.setattr(loading, "BYTES_PER_PROCESS", 100)
    monkeypatch.setattr(loading.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(loading, "read_file", lambda tree, job: end() if job.path in ENDING else read_file(tree, job))
    together = load(scanned(folder))
    assert [module.path for module in together if module.read_error == loading.ENDED] == [*ENDING]
    rest = [module for module in together if module.path not in ENDING]
    assert facts(rest) == facts([module for module in alone if module.path not in ENDING])
    assert not multiprocessing.active_children()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="one process is used where there is no fork")
def test_no_process_is_left_when_reading_ends_early(folder, monkeypatch):
    monkeypatch.setattr(loading, "BYTES_PER_PROCESS", 100)
    monkeypatch.setattr(loading.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(loading, "read_file", lambda tree, job: time.sleep(60))
    with pytest.raises(TookTooLong), time_limit(0.5):
        load(scanned(folder))
    assert not multiprocessing.active_children()
