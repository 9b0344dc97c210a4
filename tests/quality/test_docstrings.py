"""Test that docstrings begin with a verb, as orders to the code: "Return ...", "Test that ..."."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Each folder, and whether its modules are held to it too. Those of `cli` and `lib` say the command or the rule first.
FOLDERS = {"tests": True, "benchmarks": True, "docs": True, "hooks": True, "cli": False, "lib": False}
CASES = ROOT / "tests" / "rules" / "cases"  # code with mistakes in it, of which some stand in docstrings
Definition = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
# Every verb in use. Add yours if it is missing; a noun, an article or "What ..." is the mistake that this test finds.
VERBS = frozenset(
    """
    Accept Acknowledge Act Add Allow Answer Append Apply Ask Assert Assign Be Begin Bind Blank Break Bring Build
    Cache Call Cancel Carry Cause Change Check Clear Close Collect Compare Compute Configure Connect Continue Copy
    Count Crash Create Cut Declare Define Delay Delete Deliver Describe Detect Discard Dispatch Do Download Draw
    Drop Edit Empty End Enqueue Enter Execute Extend Fail Fetch Fill Filter Find Finish Follow Forget Forward Freeze
    Get Give Group Hand Have Heed Hide Hold Ignore Import Index Insert Install Interrupt Join Judge Keep Kill Know
    Lay Learn Leave Let List Load Lock Log Look Mail Make Map Mark Match Measure Merge Mix Move Name Note Observe
    Open Order Parse Pause Photograph Place Plan Play Postpone Prepare Press Print Probe Prove Provide Publish Put
    Raise Read Receive Record Refuse Release Remember Remove Render Repair Replace Report Represent Require Restore
    Retry Return Roll Route Run Save Say Search Select Send Serve Set Share Show Skip Speak Spell Split Spread Stand
    Start Stay Stop Store Succeed Suggest Sum Supervise Take Talk Tell Test Tick Tidy Touch Trace Turn Understand
    Undo Unplug Update Use Wait Warn Watch Write Yield
    """.split()
)


def first_words(path: Path, modules: bool) -> Iterator[tuple[int, str]]:
    """Yield the line and the first word of each docstring in a file. modules: the module's own too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, Definition) and (modules or not isinstance(node, ast.Module)):
            text = ast.get_docstring(node)
            if text:
                yield node.body[0].lineno, text.split()[0].strip(".,:;")


@pytest.mark.parametrize("folder", FOLDERS)
def test_docstrings_begin_with_a_verb(folder):
    paths = [path for path in sorted((ROOT / folder).rglob("*.py")) if CASES not in path.parents]
    found = [
        f"{path.relative_to(ROOT)}:{line}: {word}"
        for path in paths
        for line, word in first_words(path, FOLDERS[folder])
        if word not in VERBS
    ]

    assert paths
    assert found == []


def test_no_verb_is_listed_that_nothing_uses():
    used = {
        word
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        if CASES not in path.parents
        for _, word in first_words(path, modules=True)
    }

    assert sorted(VERBS - used) == []


def test_a_noun_is_found(tmp_path):
    source = ['"""Things."""', "def answer():", '    """The answer."""', "class Holder:", '    """Hold it."""']
    (tmp_path / "one.py").write_text("\n".join(source))

    assert list(first_words(tmp_path / "one.py", modules=True)) == [(1, "Things"), (3, "The"), (5, "Hold")]
    assert list(first_words(tmp_path / "one.py", modules=False)) == [(3, "The"), (5, "Hold")]
