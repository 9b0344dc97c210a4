"""Test how tests read a file while a process writes to it."""

from __future__ import annotations

import pytest

from tests.live.harness.processes import whole_lines


@pytest.mark.parametrize(
    ("text", "lines"),
    [("", []), ('{"a": 1', []), ('{"a": 1}\n', ['{"a": 1}']), ('{"a": 1}\n{"b', ['{"a": 1}']), ("\n", [""])],
)
def test_a_line_that_is_not_whole_yet_is_left_out(tmp_path, text, lines):
    (tmp_path / "log").write_text(text)

    assert whole_lines(tmp_path / "log") == lines


def test_a_file_that_is_not_there_yet_has_no_lines(tmp_path):
    assert whole_lines(tmp_path / "log") == []
