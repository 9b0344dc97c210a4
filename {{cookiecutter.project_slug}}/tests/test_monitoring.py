"""The rules and the dashboard in monitoring/ name metrics that exist."""

import json
import re
from datetime import UTC, datetime

import pytest
from django.conf import settings
from prometheus_client.parser import text_string_to_metric_families

from djcelery_jobs.dashboard.metrics import exposition, families
from djcelery_jobs.dashboard.snapshot import BeatState, QueueState, Snapshot
from djcelery_jobs.models import Tally

FOLDER = settings.BASE_DIR / "monitoring"
NOW = datetime(2030, 1, 1, tzinfo=UTC)
# A series: its name, and in braces the labels that are asked for.
SERIES = re.compile(r"\b(jobs_\w+)(?:\{([^}]*)\})?")
LABELS = re.compile(r"\b(?:by|on) ?\(([^)]*)\)")


def exposed() -> dict[str, set[str]]:
    """The labels of each series that can be."""
    state = Snapshot(NOW, "ok", [QueueState("fast", 1, 1.0, 0, 0, 0.0, 0)], [], BeatState(True, "", NOW, []))
    tally = Tally(queue="fast", task="t", outcome="done", count=1, buckets={})
    text = exposition(families(state, [tally])).decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {sample.name: set(sample.labels) for sample in samples}


def expressions(name: str) -> list[str]:
    text = (FOLDER / name).read_text(encoding="utf-8")
    if name.endswith(".json"):
        return [target["expr"] for panel in json.loads(text)["panels"] for target in panel["targets"]]
    return re.findall(r"^ +expr: (?:\|\n)?((?:.*\n)+?) +(?:for|labels):", text, re.MULTILINE)


@pytest.mark.parametrize(("name", "least"), [("alerts.yaml", 9), ("grafana.json", 12)])
def test_every_series_and_label_exists(name, least):
    known = exposed()
    found = expressions(name)

    assert len(found) >= least
    for expression in found:
        series = SERIES.findall(expression)
        grouped = {label.strip() for labels in LABELS.findall(expression) for label in labels.split(",") if label}
        assert series, expression
        for metric, matchers in series:
            assert metric in known, expression
            assert set(re.findall(r"(\w+)\s*[=!]", matchers)) | grouped <= known[metric], expression


def test_every_metric_is_watched():
    texts = [text for name in ("alerts.yaml", "grafana.json") for text in expressions(name)]
    named = {metric for text in texts for metric, _ in SERIES.findall(text)}

    assert {_family(metric) for metric in exposed()} == {_family(metric) for metric in named}


def _family(series: str) -> str:
    return re.sub("_(bucket|count|sum)$", "", series)
