"""Test that the runbook names every alert, and no command, event or metric that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "{{cookiecutter.project_slug}}"
PAGE = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
ALERTS = yaml.safe_load((TEMPLATE / "monitoring/alerts.yaml").read_text(encoding="utf-8"))
CODE = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "lib/djcelery_jobs").rglob("*.py")))


def test_every_alert_has_a_part_of_its_own():
    alerts = {rule["alert"] for group in ALERTS["groups"] for rule in group["rules"]}

    assert alerts
    assert alerts - set(re.findall(r"^## (\w+)$", PAGE, re.MULTILINE)) == set()


def test_every_command_exists():
    actions = set(re.findall(r'add_parser\("(\w+)"', CODE)) | set(re.findall(r'\("(\w+)", "[^"]+"\)', CODE))
    named = set(re.findall(r"manage\.py jobs (\w+)", PAGE))

    assert named
    assert named - actions == set()


def test_every_metric_exists():
    assert [name for name in re.findall(r"\bjobs_\w+", PAGE) if name not in CODE] == []


def test_every_link_leads_somewhere():
    parts = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in re.findall(r"^## (.+)$", PAGE, re.M)}

    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        page, _, part = target.partition("#")
        if page:
            assert (ROOT / "docs" / page).exists(), target
        else:
            assert part in parts, target
