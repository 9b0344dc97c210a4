"""Test `djcelery new --install`: the packages of a new project, and what is left when they cannot be had."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zipfile

import pytest

from djcelery import interrupts, virtual_environment

UV = """#!/bin/sh
test "$1" = --version && exit {version}
echo "uv $*, environment ${{VIRTUAL_ENV:-none}}" >> "{log}"
mkdir .venv && echo progress
{then}
"""


# A project that pip can build with nothing but Python, and that needs one package from elsewhere.
BUILDABLE = """[project]
name = "{{ cookiecutter.project_slug }}"
version = "0"
optional-dependencies.dev = ["tool-of-developers"]

[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
BACKEND = """import zipfile
from pathlib import Path


def build_editable(folder, config_settings=None, metadata_directory=None):
    with zipfile.ZipFile(Path(folder, "shop-0-py3-none-any.whl"), "w") as wheel:
        wheel.writestr("shop.pth", str(Path.cwd()))
        metadata = "Metadata-Version: 2.1\\nName: shop\\nVersion: 0\\nProvides-Extra: dev\\n"
        metadata += "Requires-Dist: tool-of-developers; extra == 'dev'\\n"
        wheel.writestr("shop-0.dist-info/METADATA", metadata)
        wheel.writestr("shop-0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("shop-0.dist-info/RECORD", "")
    return "shop-0-py3-none-any.whl"
"""


@pytest.fixture
def without_uv(tmp_path, small_template, monkeypatch):
    """Leave nothing on PATH and no index to pip, and return the folder that it takes packages from instead."""
    (small_template / "pyproject.toml").write_text(BUILDABLE)
    (small_template / "backend.py").write_text(BACKEND)
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    return wheels


def add_wheel(wheels):
    """Write the package that the project needs."""
    with zipfile.ZipFile(wheels / "tool_of_developers-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tool_of_developers.py", "WORKS = True\n")
        info = "tool_of_developers-1.dist-info"
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tool-of-developers\nVersion: 1\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def assert_installed(project):
    """Assert that the environment of a project has its package and what this needs, and is not the tests' own."""
    code = "import sys, tool_of_developers, shop; print(sys.prefix, shop.__path__[0], sep='|')"
    python = project / ".venv/bin/python"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False, cwd="/")
    assert done.stdout == f"{project / '.venv'}|{project / 'shop'}\n", done.stderr


def test_without_uv_venv_and_pip_install_into_the_environment_of_the_project(cli, tmp_path, without_uv):
    add_wheel(without_uv)
    said = cli("new", "shop", "--no-git", "--install")
    assert said.code == 0, said.err
    assert_installed(tmp_path / "shop")
    assert "pip install" not in said.out


def test_a_failure_of_pip_leaves_the_project_and_says_a_command_that_works_later(cli, tmp_path, without_uv):
    said = cli("new", "shop", "--no-git", "--install", "--json")
    result = json.loads(said.out)
    assert (said.code, result["success"], result["installed"]) == (1, False, False)
    assert "-m pip install --disable-pip-version-check --no-input -e '.[dev]'` failed" in result["error"]["message"]
    assert (tmp_path / "shop/manage.py").exists()
    assert not (tmp_path / "shop/.venv").exists()

    add_wheel(without_uv)
    by_hand = result["error"]["hint"].removeprefix("Install its packages by hand: ")
    assert by_hand == f"cd shop && {virtual_environment.BY_HAND}"
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/python3").symlink_to(sys.executable)
    done = subprocess.run(["/bin/sh", "-c", by_hand], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert_installed(tmp_path / "shop")


@pytest.fixture
def uv(tmp_path, monkeypatch):
    """Put a pretended uv on PATH. It writes down how it was called, and what it must do next can be set."""
    log = tmp_path / "uv.log"
    (tmp_path / "bin").mkdir()

    def pretend(then="", version=0):
        script = tmp_path / "bin" / "uv"
        script.write_text(UV.format(log=log, then=then, version=version))
        script.chmod(0o755)
        return lambda: log.read_text() if log.exists() else ""

    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return pretend


def test_uv_installs_into_the_environment_of_the_project(cli, tmp_path, uv, monkeypatch):
    monkeypatch.setenv("VIRTUAL_ENV", "/somewhere/else")
    called = uv()
    said = cli("new", "shop", "--no-git", "--install")
    assert said.code == 0, said.err
    assert called() == f"uv sync --extra dev --python {sys.executable}, environment none\n"
    assert (tmp_path / "shop/.venv").is_dir()
    assert "pip install" not in said.out
    assert said.out.index("Created shop") < said.out.index("manage.py dev")


def test_nothing_is_installed_unless_it_is_asked_for(cli, tmp_path, uv):
    called = uv()
    said = cli("new", "shop", "--no-git")
    assert (said.code, called()) == (0, "")
    assert virtual_environment.BY_HAND in said.out


def test_a_dry_run_installs_nothing(cli, tmp_path, uv):
    called = uv()
    assert cli("new", "shop", "--no-git", "--install", "--dry-run").code == 0
    assert called() == ""


def test_a_failure_leaves_the_project_and_says_the_command(cli, tmp_path, uv):
    uv(then="exit 2")
    said = cli("new", "shop", "--no-git", "--install")
    assert said.code == 1
    assert "Error: The project is complete, but `uv sync --extra dev " in said.err
    assert f"Hint: Install its packages by hand: cd shop && {virtual_environment.BY_HAND}\n" in said.err
    assert (tmp_path / "shop/manage.py").exists()
    assert not (tmp_path / "shop/.venv").exists()


def test_json_holds_the_project_and_the_failure(cli, tmp_path, uv):
    uv(then="exit 2")
    said = cli("new", "shop", "--no-git", "--install", "--json")
    result = json.loads(said.out)
    assert (said.code, result["success"], result["installed"]) == (1, False, False)
    assert result["path"] == str(tmp_path / "shop")
    assert result["error"]["exit_code"] == 1
    assert result["next_steps"][1]["run"] == virtual_environment.BY_HAND


def test_without_a_uv_that_runs_it_is_venv_and_pip_and_no_index_is_no_end(cli, tmp_path, uv, monkeypatch):
    called = uv(version=127)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    said = cli("new", "shop", "--no-git", "--install")
    assert said.code == 1
    assert called() == ""
    assert "-m pip install --disable-pip-version-check --no-input -e '.[dev]'` failed" in said.err
    assert (tmp_path / "shop/manage.py").exists()
    assert not (tmp_path / "shop/.venv").exists()


def test_a_signal_stops_the_installation_and_keeps_the_project(tmp_path, uv):
    uv(then=f"kill -TERM {os.getpid()}; sleep 30")
    with interrupts.raised(), pytest.raises(virtual_environment.InstallError) as stopped:
        virtual_environment.install(tmp_path)
    assert stopped.value.exit_code == 128 + signal.SIGTERM
    assert "its installation was stopped" in stopped.value.message
    assert not (tmp_path / ".venv").exists()
