"""Run the library's tests with every Python and Django that its metadata allows, and the oldest and newest of the rest.

Not every combination: each Python, each Django and each end of the bounds is in one of them.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from tests.live.harness.servers import running_database
from tests.projects import interpreter

ROOT = Path(__file__).parents[2]
METADATA = tomllib.loads((ROOT / "lib" / "pyproject.toml").read_text())["project"]
# Python, Django, whether everything else is the oldest that is allowed, and the database. CI itself runs the library's
# tests on the oldest Python and Django; it takes one more combination of them all, and the others run at night.
COMBINATIONS = [
    ("3.13", "6.1", False, "postgres"),
    pytest.param("3.11", "5.2", True, "sqlite", marks=pytest.mark.nightly),
    pytest.param("3.12", "5.2", False, "postgres", marks=pytest.mark.nightly),
    pytest.param("3.12", "6.0", True, "sqlite", marks=pytest.mark.nightly),
    pytest.param("3.13", "6.0", False, "sqlite", marks=pytest.mark.nightly),
]
KEPT = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "DATABASE_URL")}
TEST_TOOLS = ["hypothesis>=6.130", "psycopg[binary]>=3.2", "pytest>=8.3", "pytest-django>=4.11", "pytest-xdist>=3.6"]


def extras(django: str) -> str:
    # django-celery-beat 2.9 stops at Django 6.0.
    return ",".join(name for name in METADATA["optional-dependencies"] if name != "beat" or django != "6.1")


def oldest() -> Iterator[str]:
    """Yield each lower bound of the metadata as the one version that is allowed."""
    for requirement in chain(METADATA["dependencies"], *METADATA["optional-dependencies"].values()):
        name, _, version = re.match(r"([\w-]+)(\[.*?\])?>=([\w.]+)", requirement).groups()
        if name != "django":
            yield f"{name}=={version}"


@pytest.mark.matrix
@pytest.mark.parametrize(("python", "django", "is_oldest", "database"), COMBINATIONS)
def test_the_library_passes_its_tests(tmp_path, python, django, is_oldest, database):
    executable = interpreter(python)
    if executable is None:
        pytest.skip("interpreter not installed")
    venv, constraints = tmp_path / "venv", tmp_path / "constraints.txt"
    constraints.write_text("\n".join(oldest() if is_oldest else ()))
    wanted = [f"{ROOT / 'lib'}[{extras(django)}]", f"django=={django}.*", *TEST_TOOLS]
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "-q", "-p", executable, venv], check=True)
    subprocess.run([*uv, "pip", "install", "-q", "-p", venv, "-c", constraints, *wanted], check=True)

    with running_database(database) as server:
        done = subprocess.run(
            [
                *(venv / "bin" / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/lib"),
                # A warning that a line of the library causes is an error.
                *("-o", "filterwarnings=error:::djcelery_jobs"),
            ],
            cwd=ROOT,
            env={**KEPT, **({"DATABASE_URL": server.url} if database == "postgres" else {})},
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_every_version_of_the_metadata_is_in_some_combination():
    combinations = [getattr(combination, "values", combination) for combination in COMBINATIONS]
    pythons, djangos, *_ = (set(column) for column in zip(*combinations, strict=True))
    named = {line.rpartition(" :: ")[2] for line in METADATA["classifiers"] if re.search(r":: \d+\.\d+$", line)}

    assert pythons | djangos == named
    assert {is_oldest for _, _, is_oldest, _ in combinations} == {True, False}
