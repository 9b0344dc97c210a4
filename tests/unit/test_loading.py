"""Test loading the facts of a folder: on several cores as on one, and again only for the files that changed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from djcelery.project import loading
from djcelery.project.facts import Module
from djcelery.project.files import Tree
from djcelery.project.loading import load, to_json
from djcelery.project.packing import Rows, pack

TASKS = "from celery import shared_task\n\n@shared_task(name='{0}')\ndef index(pk): ...\n\nindex.delay({0!r})\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(20):
        (tmp_path / f"tasks_{number}.py").write_text(TASKS.format(number))
    (tmp_path / "passed_over.py").write_text("x = 1\n")
    (tmp_path / "broken_task.py").write_text("def task(:\n")
    return tmp_path


def scanned(folder: Path) -> Tree:
    tree = Tree(str(folder))
    tree.scan()
    return tree


def facts(modules: list[Module]) -> dict[str, Rows]:
    return {module.path: json.loads(json.dumps(pack(module))) for module in modules}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="one process is used where there is no fork")
def test_several_processes_read_the_same_facts_as_one(folder, monkeypatch):
    alone, _ = load(scanned(folder))
    monkeypatch.setattr(loading, "BYTES_PER_PROCESS", 100)
    monkeypatch.setattr(loading.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(loading, "read_file", read_in_child(os.getpid()))
    together, _ = load(scanned(folder))
    assert len(alone) == 21
    assert facts(together) == facts(alone)


def read_in_child(parent: int):
    read_file = loading.read_file

    def read(tree: Tree, job: loading.Job) -> Module | None:
        assert os.getpid() != parent
        return read_file(tree, job)

    return read


def test_stored_facts_are_used_for_every_file_in_the_same_state(folder, monkeypatch):
    first, cache = load(scanned(folder))
    stored = json.loads(to_json(cache))
    (folder / "tasks_3.py").write_text(TASKS.format(333))
    (folder / "tasks_4.py").unlink()
    read_paths: list[str] = []
    read_file = loading.read_file
    monkeypatch.setattr(loading, "read_file", lambda tree, job: read_paths.append(job.path) or read_file(tree, job))
    second, cache = load(scanned(folder), stored)
    assert read_paths == ["tasks_3.py"]
    unchanged = facts(first).keys() - {"tasks_3.py", "tasks_4.py"}
    assert {path: facts(second)[path] for path in unchanged} == {path: facts(first)[path] for path in unchanged}
    assert "tasks_4.py" not in cache
    third, _ = load(scanned(folder), json.loads(to_json(cache)))
    assert read_paths == ["tasks_3.py"]
    assert facts(third) == facts(second)


@pytest.mark.parametrize("stored", [7, [], {"tasks_1.py": 7}, {"tasks_1.py": []}, {"tasks_1.py": [1, 2, "tasks_1"]}])
def test_whatever_is_broken_in_the_stored_facts_is_read_again(folder, stored):
    assert facts(load(scanned(folder), stored)[0]) == facts(load(scanned(folder))[0])
