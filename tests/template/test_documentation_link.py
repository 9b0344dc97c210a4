"""Test that a new project links to the documentation, where that has an address."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import djcelery_jobs

ROOT = Path(__file__).parents[2]
PRIVATE = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))


def test_the_library_and_the_template_know_the_same_address():
    assert PRIVATE["_documentation"] == djcelery_jobs.DOCUMENTATION
    assert PRIVATE["_documentation"].startswith("https://" if PRIVATE["_released"] else "")


@pytest.mark.parametrize("address", ["", "https://docs.example.com/"])
def test_the_readme_of_a_project_links_to_it(tmp_path, address):
    command = [Path(sys.executable).parent / "cookiecutter", "--no-input", "--default-config", ROOT]
    env = {**os.environ, "HOME": str(tmp_path)}
    subprocess.run([*command, f"_documentation={address}"], cwd=tmp_path, env=env, check=True, capture_output=True)
    readme = (tmp_path / "myproject" / "README.md").read_text(encoding="utf-8")

    assert ("The [documentation](https://docs.example.com/) has" in readme) == bool(address)
    assert ("in the folder docs of djcelery's repository" in readme) != bool(address)


@pytest.mark.parametrize(("address", "code"), [("", 1), ("https://docs.example.com/", 0)])
def test_nothing_is_released_while_it_has_no_address(tmp_path, address, code):
    workflow = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8"))
    [line] = [step["run"] for step in workflow["jobs"]["build"]["steps"] if "DOCUMENTATION" in step.get("run", "")]
    (tmp_path / "lib/djcelery_jobs").mkdir(parents=True)
    (tmp_path / "lib/djcelery_jobs/__init__.py").write_text(f'DOCUMENTATION = "{address}"\n')

    assert subprocess.run(["bash", "-ec", line], cwd=tmp_path, check=False).returncode == code
