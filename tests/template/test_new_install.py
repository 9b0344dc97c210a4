"""Test `djcelery new --install` with the real packages, on a machine without uv."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.projects import Project


@pytest.mark.matrix
def test_without_uv_the_new_project_is_installed_by_pip_and_its_tests_pass(tmp_path):
    (tmp_path / "nothing").mkdir()
    command = [sys.executable, "-m", "djcelery", "new", "shop", "--no-git", "--install"]
    variables = {**os.environ, "PATH": str(tmp_path / "nothing")}
    done = subprocess.run(
        command, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "pip install" not in done.stdout
    assert "\nuv = " not in (tmp_path / "shop/.venv/pyvenv.cfg").read_text()
    assert not (tmp_path / "shop/uv.lock").exists()

    project = Project(tmp_path / "shop", tmp_path / "shop/.venv/bin/python")
    project.lint()
    project.check()
    assert " passed" in project.test()
