"""Test what `djcelery update --check` says."""

import pytest

from djcelery.commands import update
from djcelery.commands.changes import ChangeOptions

PLAIN = ChangeOptions(yes=False, dry_run=False, diff=False, as_json=False, undo=False, allow_dirty=False)


@pytest.mark.parametrize(
    ("version", "target", "words"),
    [
        ("0.2.0", "0.3.0", "0.2.0; 0.3.0 is available."),
        (
            "0.2.0.dev0",
            "0.2.0.dev0",
            "0.2.0.dev0; its files differ from those of this djcelery.",
        ),
    ],
)
def test_a_project_that_is_behind_hears_why(capsys, version, target, words):
    with pytest.raises(SystemExit) as ended:
        update._show_check(version, target, PLAIN, is_behind=True)

    assert ended.value.code == 1
    assert capsys.readouterr().out.startswith(f"The project has version {words}")
