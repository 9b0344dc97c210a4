"""Prove that only ledger.py changes the state of a job's row: in the library's text here, in each statement below.

The fixture `changes_outside_the_ledger` of conftest.py looks at the statements of all other tests.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import timezone

import djcelery_jobs
from djcelery_jobs.core import dead_letters, ledger
from djcelery_jobs.models import Job, State

LIBRARY = Path(djcelery_jobs.__file__).parent
LEDGER = LIBRARY / "core/ledger.py"
# What people see or filter by is a state too, but not that of a row.
OTHER_STATES = {'"state": now,', 'values |= {"state": state_of(job)}'}
OTHER_STATES |= {'return JobFilter(state="dead", task=self.task, error=self.error_class)'}
OTHER_STATES |= {'DEAD = JobFilter(state="dead")'}
OTHER_STATES |= {'return JobFilter.parse({name: options[name] for name in FILTERS} | {"state": in_state})'}
# Calls that only compare: filter(state=...).
COMPARING = {"filter", "exclude", "get", "Q"}
WRITING = {"save", "create", "get_or_create", "update_or_create", "bulk_create", "bulk_update"}
WRITING |= {f"a{name}" for name in WRITING}


def state_changes(tree: ast.AST) -> Iterator[int]:
    """Yield the line of each expression that may set the state of a row, or save a row as a whole."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr="state", ctx=ast.Store() | ast.Del()):
                yield node.lineno
            case ast.Dict(keys=keys):
                yield from (key.lineno for key in keys if _is_state(key))
            case ast.Subscript(slice=key, ctx=ast.Store()) if _is_state(key):
                yield node.lineno
            case ast.Call() if _may_set_state(node):
                yield node.lineno


def _may_set_state(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name == "setattr":
        return any(map(_is_state, call.args))
    if name in WRITING:
        return _is_of_job(call.func) or any(map(_is_state, ast.walk(call)))
    return name not in COMPARING and any(keyword.arg == "state" for keyword in call.keywords)


def _is_state(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Constant) and node.value == "state"


def _is_of_job(func: ast.AST) -> bool:
    """Return whether a name in front of the call speaks of jobs: Job.objects, job, self.job."""
    words = {node.id for node in ast.walk(func) if isinstance(node, ast.Name)}
    words |= {node.attr for node in ast.walk(func) if isinstance(node, ast.Attribute)}
    return bool(words & {"Job", "job", "jobs"})


@pytest.mark.parametrize(
    "file",
    [file for file in sorted(LIBRARY.rglob("*.py")) if file != LEDGER and "migrations" not in file.parts],
    ids=lambda file: file.relative_to(LIBRARY).as_posix(),
)
def test_no_other_file_of_the_library_sets_a_state(file):
    lines = file.read_text().splitlines()
    changes = {lines[number - 1].strip() for number in state_changes(ast.parse(file.read_text()))}

    assert not changes - OTHER_STATES


@pytest.mark.parametrize(
    "code",
    [
        "job.state = 'dead'",
        "a.b.state: str = 'dead'",
        "job.state, job.error = 'dead', ''",
        "jobs.update(state='dead')",
        "Job(state='dead')",
        "Job.objects.update_or_create(pk=1, defaults={'state': 'dead'})",
        "fields['state'] = 'dead'",
        "setattr(job, 'state', 'dead')",
        "anything.save(update_fields=['state'])",
        "job.save()",
        "Job.objects.create(task='x')",
        "Job.objects.bulk_create([])",
    ],
)
def test_such_a_line_is_found(code):
    assert list(state_changes(ast.parse(code)))


def test_the_ledger_itself_sets_it():
    assert len(list(state_changes(ast.parse(LEDGER.read_text())))) > 5


@pytest.mark.django_db
def test_a_statement_from_elsewhere_is_found(changes_outside_the_ledger):
    job = Job.objects.create(task="x", queue="fast", publish_at=timezone.now(), state=State.DEAD)
    ledger.discard(Job.objects.all())
    assert changes_outside_the_ledger == []  # a test's own rows, and the ledger's change

    # As if this line stood in dead_letters.py.
    code = compile("def do(jobs): jobs.update(state='done')", dead_letters.__file__, "exec")
    names: dict = {}
    exec(code, names)  # noqa: S102
    names["do"](Job.objects.filter(pk=job.pk))

    [change] = changes_outside_the_ledger
    assert "dead_letters.py" in change
    changes_outside_the_ledger.clear()
