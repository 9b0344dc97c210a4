"""Test that the table in docs/capacity.md is what `manage.py jobs plan` prints for these loads."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.projects import make

PAGE = Path(__file__).parents[2] / "docs" / "capacity.md"


def test_the_plan_on_the_page_is_what_the_command_prints(tmp_path):
    shown = PAGE.read_text().split("jobs plan --wait 5\n")[1].split("```")[0].strip().splitlines()
    loads = {words[0]: (float(words[1]), float(words[2])) for words in map(str.split, shown[2:]) if words[1] != "no"}
    code = (
        "from djcelery_jobs.dashboard.capacity import Load, table\n"
        f"loads = {{name: Load(*load) for name, load in {loads}.items()}}\n"
        "for line in table(loads, 5): print(line)"
    )

    printed = make(tmp_path, "shop", [], Path(sys.executable)).manage("shell", "-v", "0", "-c", code)

    assert len(loads) == 3
    assert printed.splitlines()[: len(shown)] == shown
