"""Test the one question of `djcelery init` on a terminal."""

from __future__ import annotations

import click
import pytest

from djcelery import dialogue, main
from tests.init.layouts import LAYOUTS


@pytest.mark.parametrize(("answer", "has_library"), [("check", False), ("jobs", True)])
def test_the_level_is_asked_in_one_question_and_the_changes_are_confirmed_once(
    tmp_path, monkeypatch, capsys, answer, has_library
):
    asked = []
    monkeypatch.setattr(dialogue, "is_interactive", lambda: True)
    monkeypatch.setattr(click, "prompt", lambda text, **options: asked.append(text) or answer)
    monkeypatch.setattr(click, "confirm", lambda text, **options: asked.append(text) or True)
    root = LAYOUTS["single_file"].build(tmp_path / "site")
    with pytest.raises(SystemExit) as left:
        main.main(["init", str(root)])
    assert not left.value.code
    assert asked == ["How far?", "Make these changes?"]
    assert (root / ".djcelery-baseline.json").is_file()
    assert (root / "djcelery_jobs").is_dir() is has_library
    assert "check  a baseline for djcelery check" in capsys.readouterr().err
