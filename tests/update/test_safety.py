"""What holds for every update: all or nothing, a way back, nothing guessed, and words for people and programs."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import tomllib

import pytest

CLASH = ("extra/clash.py", "clash_3 = 3\n", "clash_3 = 'TEAM'\n")


def test_a_kill_at_any_point_leaves_all_or_nothing(team, tmp_path):
    team.replace("extra/both.py", "both_15 = 15\n", "both_15 = 'TEAM'\n")
    team.commit()
    before = team.tree()
    shutil.copytree(team.path, tmp_path / "kept", symlinks=True)
    team.update()
    after = team.tree()
    release = team.versions["0.3.0"]
    states = []
    for number in sorted(random.Random(5).sample(range(1, 130), 12)):  # noqa: S311 not for secrets
        shutil.rmtree(team.path)
        shutil.copytree(tmp_path / "kept", team.path, symlinks=True)
        code = (
            "import os, sys\nfrom djcelery import main\ncalls = 0\n"
            "def count(event, _):\n    global calls\n"
            "    if event in ('os.rename', 'os.remove', 'os.mkdir', 'open', 'os.chmod') and journal():\n"
            f"        calls += 1\n        calls == {number} and os.kill(os.getpid(), 9)\n"
            "def journal():\n    frame = sys._getframe()\n"
            "    while frame and frame.f_code.co_filename[-10:] != 'journal.py':\n        frame = frame.f_back\n"
            "    return frame\n"
            "sys.addaudithook(count)\nmain.main(['update', '--yes'])\n"
        )
        done = subprocess.run([sys.executable, "-c", code], cwd=team.path, env=release.environment(),
                              capture_output=True, check=False, stdin=subprocess.DEVNULL)  # fmt: skip
        assert done.returncode in {-signal.SIGKILL, 0}, done.stderr
        states.append(done.returncode)
        team.run("--dry-run")  # takes back what was killed
        assert team.tree() in (before, after)
    assert states.count(-signal.SIGKILL) > 5


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
    assert "Edited by you:\n  extra/both.py\nDeleted by you:\n  extra/deleted.py\n" in team.run("--status").stdout


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
    """The hash in the record decides, and not what the command carries."""
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
