"""The page about the rules says what the rules say."""

from __future__ import annotations

import sys
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_what_its_script_writes() -> None:
    sys.path.insert(0, str(DOCS))
    import make_rules

    assert make_rules.page() == make_rules.PAGE.read_text(encoding="utf-8"), "run: python docs/make_rules.py"
