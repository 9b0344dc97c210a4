"""Test that Django's own tests of task backends pass against ours, on each Django that the library supports.

They are fetched from a release by its hash. The package django-tasks has no tests in its release, so on Django 5.2
those of Django 6.0 are run against it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.corpus import fetch
from tests.projects import interpreter

ROOT = Path(__file__).parents[2]
RELEASES = {
    "6.0": ("6.0.10", "6005d030df924f85088454c18bd35dcf082b058aa355ad3df520d8de9aef9f41"),
    "6.1": ("6.1.3", "b5d2d9e35295065d13b1927b3f19a59bd119f737aa6299def14ccca1ae3c8c0d"),
}
KEPT = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "DATABASE_URL")}


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("packages", "release", "count"),
    [
        (["django==5.2.*", "django-tasks>=0.12"], "6.0", 65),
        (["django==6.0.*"], "6.0", 65),
        (["django==6.1.*"], "6.1", 73),
    ],
    ids=["5.2 with django-tasks", "6.0", "6.1"],
)
def test_django_s_own_tests_pass(tmp_path, packages, release, count):
    executable = interpreter("3.12") or pytest.skip("interpreter not installed")
    version, sha256 = RELEASES[release]
    source = fetch.fetch({"name": "django", "version": version, "sha256": sha256}, fetch.home())
    venv, uv = tmp_path / "venv", [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "-q", "-p", executable, venv], check=True)
    subprocess.run([*uv, "pip", "install", "-q", "-p", venv, ROOT / "lib", *packages], check=True)

    for options, passed in ([], count), (["priorities"], 4 if release == "6.1" else 3):
        folder = tmp_path / f"suite-{passed}"
        shutil.copytree(source / "tests" / "tasks", folder / "tasks")
        command = [venv / "bin" / "python", "-m", "tests.lib.django_suite", folder, *options]
        done = subprocess.run(command, cwd=ROOT, env=KEPT, capture_output=True, text=True, check=False)

        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
        assert done.stdout.splitlines()[-1] == f"{passed} passed"
