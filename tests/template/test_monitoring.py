"""The page about monitoring says what a project does, and its alerts fire when they should."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
ALERTS = ROOT / "{{cookiecutter.project_slug}}" / "monitoring" / "alerts.yaml"


def test_the_page_is_what_its_script_writes():
    spec = importlib.util.spec_from_file_location("make_monitoring", DOCS / "make_monitoring.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)

    page = (DOCS / "monitoring.md").read_text(encoding="utf-8")
    assert script.text() == page, "run: python docs/make_monitoring.py"


@pytest.mark.matrix
def test_each_alert_fires_for_its_cause_and_not_before(tmp_path):
    """By Prometheus' own tool, on series made up for it."""
    tool = shutil.which("promtool")
    assert tool, "promtool is not installed (Debian: apt-get install prometheus)"
    shutil.copy(ALERTS, tmp_path / "alerts.yaml")
    cases = Path(__file__).with_name("alerts_test.yaml")
    shutil.copy(cases, tmp_path)

    tested = subprocess.run(
        [tool, "test", "rules", cases.name], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert tested.returncode == 0, tested.stdout + tested.stderr
    named = {line.split()[2] for line in ALERTS.read_text(encoding="utf-8").splitlines() if "- alert:" in line}
    assert {name for name in named if name not in cases.read_text(encoding="utf-8")} == set()
