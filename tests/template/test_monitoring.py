"""Test that the monitoring page says what a project does, and that its alerts and panels name existing metrics."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.projects import make

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
MONITORING = ROOT / "{{cookiecutter.project_slug}}" / "monitoring"
ALERTS = MONITORING / "alerts.yaml"

# A series: its name, and in braces the labels that select it.
SERIES = re.compile(r"\b(jobs_\w+)(?:\{([^}]*)\})?")
LABELS = re.compile(r"\b(?:by|on) ?\(([^)]*)\)")
EXPOSED = """
import json
from datetime import UTC, datetime
from prometheus_client.parser import text_string_to_metric_families
from djcelery_jobs.dashboard.metrics import exposition, families
from djcelery_jobs.dashboard.snapshot import BeatState, QueueState, Snapshot
from djcelery_jobs.models import Tally

now = datetime(2030, 1, 1, tzinfo=UTC)
state = Snapshot(now, "ok", [QueueState("fast", 1, 1.0, 0, 0, 0.0, 0)], [], BeatState(True, "", now, []))
tally = Tally(queue="fast", task="t", outcome="done", count=1, buckets={})
text = exposition(families(state, [tally], memory_share=0.5)).decode()
samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
print(json.dumps({sample.name: sorted(sample.labels) for sample in samples}))
"""


def test_the_page_is_what_its_script_writes():
    spec = importlib.util.spec_from_file_location("make_monitoring", DOCS / "make_monitoring.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)

    page = (DOCS / "monitoring.md").read_text(encoding="utf-8")
    assert script.text() == page, "run: python docs/make_monitoring.py"


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Return the labels of each series that a project can expose, by its name."""
    project = make(tmp_path_factory.mktemp("monitoring"), "shop")
    series: dict[str, list[str]] = json.loads(project.manage("shell", "-v0", "-c", EXPOSED))
    return series


def expressions(name: str) -> list[str]:
    text = (MONITORING / name).read_text(encoding="utf-8")
    if name.endswith(".json"):
        return [target["expr"] for panel in json.loads(text)["panels"] for target in panel["targets"]]
    return re.findall(r"^ +expr: (?:\|\n)?((?:.*\n)+?) +(?:for|labels):", text, re.MULTILINE)


@pytest.mark.parametrize(("name", "least"), [("alerts.yaml", 9), ("grafana.json", 12)])
def test_every_series_and_label_exists(exposed, name, least):
    assert len(expressions(name)) >= least
    for expression in expressions(name):
        series = SERIES.findall(expression)
        grouped = {label.strip() for labels in LABELS.findall(expression) for label in labels.split(",") if label}
        assert series, expression
        for metric, matchers in series:
            assert metric in exposed, expression
            assert set(re.findall(r"(\w+)\s*[=!]", matchers)) | grouped <= set(exposed[metric]), expression


def test_every_metric_is_watched(exposed):
    texts = [text for name in ("alerts.yaml", "grafana.json") for text in expressions(name)]
    watched = {metric for text in texts for metric, _ in SERIES.findall(text)}

    assert {_family(metric) for metric in exposed} == {_family(metric) for metric in watched}


def _family(series: str) -> str:
    return re.sub("_(bucket|count|sum)$", "", series)


@pytest.mark.matrix
def test_each_alert_fires_for_its_cause_and_not_before(tmp_path):
    """Run Prometheus' own tool on series made up for the alerts."""
    tool = shutil.which("promtool")
    assert tool, "promtool is not installed (Debian: apt-get install prometheus)"
    shutil.copy(ALERTS, tmp_path / "alerts.yaml")
    cases = Path(__file__).with_name("alerts_test.yaml")
    shutil.copy(cases, tmp_path)

    tested = subprocess.run(
        [tool, "test", "rules", cases.name], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert tested.returncode == 0, tested.stdout + tested.stderr
    alerts = {line.split()[2] for line in ALERTS.read_text(encoding="utf-8").splitlines() if "- alert:" in line}
    assert {name for name in alerts if name not in cases.read_text(encoding="utf-8")} == set()
