"""Test that what `djcelery new` writes is clean, and that each way to break it is found in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from djcelery.project.project import Project
from djcelery.rules import judge
from tests.projects import make

SLUG = "shop"
Files = dict[str, str | bytes]


@pytest.fixture(scope="module", params=["redis", "rabbitmq"])
def generated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Return the files of a project, without those of the library in it."""
    project = make(tmp_path_factory.mktemp("generated"), SLUG, ["--broker", request.param])
    files = {path.relative_to(project.path).as_posix(): path for path in project.path.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if is_theirs(name)}


def is_theirs(name: str) -> bool:
    """Return whether a file is the team's and may be looked at."""
    return not name.startswith("djcelery_jobs/") and not Path(name).name.startswith(".")


def changed(files: Files, path: str, old: str, new: str) -> Files:
    """Return the files with one text replaced in one of them."""
    text = files[path]
    assert isinstance(text, bytes)
    assert old in text.decode()
    return {**files, path: text.decode().replace(old, new, 1)}


def found(files: Files) -> set[tuple[str, str, str]]:
    """Return code, path and message of every error and warning."""
    return {
        (finding.code, finding.path, finding.message)
        for finding in judge(Project.of(files))
        if finding.severity != "hint"
    }


JOBS = f"{SLUG}/settings/jobs.py"


def test_a_generated_project_is_clean(generated: Files) -> None:
    assert found(generated) == set()


def test_its_classes_and_routes_are_read(generated: Files) -> None:
    project = Project.of(generated)
    classes = {"fast", "slow", "email", "report"}
    assert {workload.name for workload in project.workloads} == classes
    assert project.declared_queues == classes
    assert {route.pattern for route in project.routes or []} >= {
        "orders.tasks.reserve_stock",
        "orders.tasks.send_receipt",
    }


def test_a_task_without_a_route(generated: Files) -> None:
    broken = changed(generated, JOBS, '    "orders.tasks.send_receipt": "email",\n', "")
    message = "orders.tasks.send_receipt has no route, so no workload class decides its worker and its limits"
    assert ("DJC804", "orders/tasks.py", message) in found(broken)


def test_a_queue_that_is_not_declared(generated: Files) -> None:
    broken = changed(generated, JOBS, '"orders.tasks.send_receipt": "email"', '"orders.tasks.send_receipt": "emaill"')
    assert ("DJC802", JOBS, "task_queues does not declare emaill; did you mean email?") in found(broken)


def test_a_class_without_a_process(generated: Files) -> None:
    line = '    "report": Workload('
    broken = changed(
        generated, JOBS, line, '    "bulk": Workload(concurrency=1, prefetch=1, soft_limit=5, hard_limit=9),\n' + line
    )
    assert found(broken) == {("DJC801", JOBS, "no process started here runs the workload class bulk")}


def test_a_task_that_talks_in_its_transaction(generated: Files) -> None:
    text = generated["orders/tasks.py"]
    assert isinstance(text, bytes)
    more = (
        "\n\nimport requests\n\n\n@shared_task(base=DurableTask)\ndef charge(pk: int) -> None:\n"
        '    requests.post("https://pay.example", timeout=5)\n'
    )
    routed = changed(
        generated,
        JOBS,
        '"orders.tasks.send_receipt"',
        '"orders.tasks.charge": "fast",\n    "orders.tasks.send_receipt"',
    )
    broken = {**routed, "orders/tasks.py": text.decode() + more}
    message = "charge is one transaction and sends an HTTP request; set one_transaction=False"
    assert found(broken) == {("DJC115", "orders/tasks.py", message)}
