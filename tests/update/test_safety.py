"""Test every update for what must hold: all or nothing, a way back, nothing guessed, and clear words."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import tomllib

import pytest

from tests.update.releases import ROOT

CLASH = ("extra/clash.py", "clash_3 = 3\n", "clash_3 = 'TEAM'\n")
KILLS = 200
# Plans an update once, and writes it in children that kill themselves at a line of the code that writes.
KILLED = """
import random, sys
from pathlib import Path
from djcelery.journal import Journal
from djcelery.updating import updater
from test_journal import run_killed

root = Path.cwd()

def contents():
    paths = (path for path in root.rglob("*") if path.is_file() and ".git" not in path.relative_to(root).parts)
    return {path: path.read_bytes() for path in paths}

def write():
    Journal(root).apply(updater_plan, "djcelery update")

def undo():
    undone = Journal(root).plan_undo()
    Journal(root).apply(undone.plan, "undo", undoes=undone.number)

before = contents()
updater_plan = updater.plan_update(root, None, keep_edits=False).plan
points = run_killed(write, None)
after = contents()
undo()
outcomes = {"all": 0, "nothing": 0}
for at in random.Random(5).sample(range(1, points + 1), KILLS):
    assert run_killed(write, at) == 1
    Journal(root).recover()
    outcome = "all" if contents() == after else "nothing" if contents() == before else f"half at {at}"
    outcomes[outcome] += 1
    if outcome == "all":
        undo()
print(outcomes)
"""


@pytest.mark.matrix  # half a minute of CPU
def test_a_kill_at_any_point_leaves_all_or_nothing(team):
    team.replace("extra/both.py", "both_15 = 15\n", "both_15 = 'TEAM'\n")
    team.commit()
    code = KILLED.replace("KILLS", str(KILLS))
    environment = team.versions["0.3.0"].environment()
    environment["PYTHONPATH"] = os.pathsep.join(
        filter(None, [environment.get("PYTHONPATH"), str(ROOT / "tests" / "unit")])
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=team.path, env=environment, capture_output=True, text=True,
                          check=False, stdin=subprocess.DEVNULL)  # fmt: skip
    assert done.returncode == 0, done.stderr
    outcomes = ast.literal_eval(done.stdout)
    assert sum(outcomes.values()) == KILLS
    assert min(outcomes.values()) > 0, outcomes


def test_abort_restores_every_byte_and_keeps_later_edits(team):
    team.replace(*CLASH)
    team.commit()
    before = team.tree()
    said = team.update(code=1)
    assert "refs/djcelery/before-update/0.3.0" in said.stderr
    team.write("extra/clash.py", "TEAM = 'half resolved'\n")
    said = team.run("--abort")
    assert said.returncode == 0, said.stderr
    assert team.tree() == before
    assert "refs/djcelery/before-abort" in said.stdout
    assert "half resolved" in team.git("show", "refs/djcelery/before-abort:extra/clash.py")
    assert team.run("--abort").returncode == 3
    assert team.run("--continue").returncode == 3


def test_abort_refuses_to_lose_edits_that_git_does_not_know(team):
    team.replace(*CLASH)
    team.commit()
    team.update(code=1)
    team.write("djcelery_jobs/fresh.py", "TEAM = 1\n")
    said = team.run("--abort")
    assert (said.returncode, "djcelery_jobs/fresh.py" in said.stderr) == (3, True)
    assert team.read("djcelery_jobs/fresh.py") == "TEAM = 1\n"


def test_undo_restores_every_byte(team):
    before = team.tree()
    team.update()
    assert team.run("--undo", "--yes").returncode == 0
    assert team.tree() == before


@pytest.mark.parametrize(("words", "code"), [(["--dry-run"], 0), (["--diff"], 0), (["--json"], 2), ([], 2)])
def test_nothing_changes_without_consent(team, words, code):
    before = team.tree()
    assert team.run(*words).returncode == code
    assert team.tree() == before


def test_check_and_status(team):
    team.replace("extra/both.py", "both_15 = 15\n", "both_15 = 'TEAM'\n")
    (team.path / "extra/deleted.py").unlink()
    behind = team.run("--check", version="0.4.0")
    assert behind.returncode == 1
    assert "- News of 0.4.0." in behind.stdout
    assert "- News of 0.3.0." in behind.stdout
    assert "- News of 0.2.0." not in behind.stdout
    assert team.run("--check", version="0.2.0").returncode == 0
    found = json.loads(team.run("--status", "--json").stdout)
    assert (found["edited"], found["deleted"]) == (["extra/both.py"], ["extra/deleted.py"])
    said = team.run("--status").stdout
    assert f": {len(found['unchanged'])} files unchanged.\n" in said
    assert "Edited by you:\n  extra/both.py\nDeleted by you:\n  extra/deleted.py\n" in said


def test_an_older_version_can_be_the_target_if_it_is_newer_than_the_project(team):
    team.update("--to", "0.3.0", version="0.5.0")
    assert tomllib.loads(team.read(".djcelery.toml"))["version"] == "0.3.0"
    for wanted, reason in (("0.2.0", "is newer than 0.2.0"), ("0.9.0", "does not know 0.9.0"), ("x", "Not a version")):
        said = team.run("--to", wanted, version="0.5.0")
        assert (said.returncode, reason in said.stderr) == (3, True), said.stderr
    assert team.run("--check", "--abort").returncode == 2


def forget(release):
    """Make a command carry no released version, and return how to undo that."""
    archive = release.folder / "djcelery/releases.tar.xz"
    return archive, archive.rename(archive.with_suffix(".away"))


def test_the_first_commit_has_what_the_command_does_not_carry(team):
    team.replace("extra/both.py", "both_15 = 15\n", "both_15 = 'TEAM'\n")
    team.commit()
    archive, away = forget(team.versions["0.3.0"])
    try:
        team.update()
    finally:
        away.rename(archive)
    assert "both_3 = 'new'\n" in team.read("extra/both.py")


def test_what_nobody_has_is_never_guessed(team):
    shutil.rmtree(team.path / ".git")
    team.replace("extra/both.py", "both_15 = 15\n", "both_15 = 'TEAM'\n")
    before = team.read("extra/both.py")
    archive, away = forget(team.versions["0.3.0"])
    try:
        said = team.update()
    finally:
        away.rename(archive)
    assert team.read("extra/both.py") == before
    assert "both_3 = 'new'\n" in team.read("extra/both.py.djcelery-new")
    assert "it cannot be merged" in said.stderr
    assert "same_3 = 'new'\n" in team.read("extra/same.py")  # unedited, so it is its own original


def test_a_changed_archive_is_not_believed(team):
    # The hash in the record decides, and not what the command carries.
    team.replace(".djcelery.toml", '"extra/both.py" = "', '"extra/both.py" = "0')
    team.commit()
    team.replace("extra/both.py", "both_15 = 15\n", "both_15 = 'TEAM'\n")
    team.commit()
    before = team.read("extra/both.py")
    team.update()
    assert team.read("extra/both.py") == before
    assert (team.path / "extra/both.py.djcelery-new").exists()


def test_a_record_that_leads_out_of_the_project_is_refused(team):
    team.replace(".djcelery.toml", '"extra/both.py"', '"../both.py"')
    assert "outside of the project" in team.run("--yes").stderr
