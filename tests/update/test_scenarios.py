"""Test the twenty scenarios of an update. In each, `Team.update` asserts that no line of the team is lost."""

from __future__ import annotations

import ast
import shutil
import tomllib

import pytest

NEW = "_3 = 'new'\n"


def version(team):
    return tomllib.loads(team.read(".djcelery.toml"))["version"]


def test_01_a_clean_merge(team):
    team.replace("extra/both.py", "both_15 = 15\n", "both_15 = 'TEAM'\n")
    team.commit()
    team.update()
    text = team.read("extra/both.py")
    assert "both" + NEW in text
    assert "both_15 = 'TEAM'\n" in text
    assert team.read("manage.py").endswith("# 0.3.0\n")
    assert version(team) == "0.3.0"
    assert team.run("--yes").stdout == "Nothing to do.\n"


def test_02_the_same_line_changed_on_both_sides(team):
    team.replace("extra/clash.py", "clash_3 = 3\n", "clash_3 = 'TEAM'\n")
    team.commit()
    said = team.update(code=1)
    assert (
        "<<<<<<< yours\nclash_3 = 'TEAM'\n||||||| djcelery 0.2.0\nclash_3 = 3\n=======\nclash_3 = 'new'\n"
        ">>>>>>> djcelery 0.3.0\n"
    ) in team.read("extra/clash.py")
    assert "extra/clash.py: 1 conflict" in said.stderr
    assert version(team) == "0.2.0"
    again = team.run("--yes")
    assert (again.returncode, "in progress" in again.stderr) == (3, True)
    left = team.run("--continue")
    assert left.returncode == 1
    assert "extra/clash.py:3, extra/clash.py:5, extra/clash.py:7, extra/clash.py:9" in left.stderr
    assert version(team) == "0.2.0"
    text = team.read("extra/clash.py")
    start, end = text.index("<<<<<<<"), text.index(">>>>>>> djcelery 0.3.0\n") + len(">>>>>>> djcelery 0.3.0\n")
    team.write("extra/clash.py", text[:start] + "clash_3 = 'TEAM and new'\n" + text[end:])
    assert team.run("--continue").returncode == 0
    assert version(team) == "0.3.0"
    assert not (team.path / ".djcelery.toml.djcelery-new").exists()
    assert team.run("--yes").stdout == "Nothing to do.\n"


def test_03_a_file_that_the_team_deleted_stays_deleted(team):
    (team.path / "extra/deleted.py").unlink()
    team.commit()
    said = team.update()
    assert not (team.path / "extra/deleted.py").exists()
    assert "extra/deleted.py: stays deleted" in said.stderr


def test_04_a_file_that_the_template_dropped_stays_if_edited(team):
    team.replace("extra/dropped.py", "dropped_5 = 5\n", "dropped_5 = 'TEAM'\n")
    team.commit()
    said = team.update()
    assert "TEAM" in team.read("extra/dropped.py")
    assert "extra/dropped.py: stays, since you edited it" in said.stderr


def test_04_and_goes_if_not(team):
    team.update()
    assert not (team.path / "extra/dropped.py").exists()


def test_05_both_add_a_path(team):
    team.write("extra/added.py", "mine = 'TEAM'\n")
    team.commit()
    team.update(code=1)
    assert "<<<<<<< yours\nmine = 'TEAM'\n" in team.read("extra/added.py")
    assert "added = 'by the template'\n>>>>>>> djcelery 0.3.0\n" in team.read("extra/added.py")


@pytest.mark.parametrize("is_ignored", [True, False])
def test_06_the_template_adds_a_path_that_git_does_not_track(team, is_ignored):
    if is_ignored:
        team.write(".gitignore", team.read(".gitignore") + "extra/ignored.py\n")
        team.commit()
    team.write("extra/ignored.py", "mine = 'TEAM'\n")
    said = team.update()
    assert team.read("extra/ignored.py") == "mine = 'TEAM'\n"
    assert team.read("extra/ignored.py.djcelery-new") == "added = 'by the template'\n"
    assert "extra/ignored.py: not touched, since git does not track it" in said.stderr


def test_06_a_symbolic_link_is_not_followed(team):
    team.write("elsewhere.py", "mine = 'TEAM'\n")
    (team.path / "extra/added.py").symlink_to("../elsewhere.py")
    team.commit()
    team.update()
    assert (team.path / "extra/added.py").is_symlink()
    assert team.read("elsewhere.py") == "mine = 'TEAM'\n"
    assert team.read("extra/added.py.djcelery-new") == "added = 'by the template'\n"


def test_07_the_template_renames_what_the_team_edited(team):
    team.replace("extra/renamed.py", "renamed_12 = 12\n", "renamed_12 = 'TEAM'\n")
    team.commit()
    team.update()
    assert not (team.path / "extra/renamed.py").exists()
    text = team.read("extra/other_name.py")
    assert "renamed_12 = 'TEAM'\n" in text
    assert "renamed" + NEW in text


def test_08_the_team_moved_and_edited_what_the_template_changed(team):
    (team.path / "ours").mkdir()
    team.git("mv", "extra/moved.py", "ours/place.py")
    team.replace("ours/place.py", "moved_12 = 12\n", "moved_12 = 'TEAM'\n")
    team.commit()
    team.update()
    assert not (team.path / "extra/moved.py").exists()
    assert "moved_12 = 'TEAM'\n" in team.read("ours/place.py")
    assert "moved" + NEW in team.read("ours/place.py")


def test_09_binary_on_both_sides(team):
    (team.path / "extra/mark.png").write_bytes(b"\x89PNG\0TEAM")
    team.commit()
    team.update()
    assert (team.path / "extra/mark.png").read_bytes() == b"\x89PNG\0TEAM"
    assert (team.path / "extra/mark.png.djcelery-new").read_bytes() == b"\x89PNG\0two"


def test_10_crlf_is_kept_and_makes_no_conflict(team):
    data = team.read("extra/windows.py").replace("windows_12 = 12\n", "windows_12 = 'TEAM'\n")
    team.write("extra/windows.py", data.replace("\n", "\r\n"))
    team.write("manage.py", team.read("manage.py").replace("\n", "\r\n"))
    team.commit()
    team.update()
    merged = (team.path / "extra/windows.py").read_bytes()
    assert b"windows_3 = 'new'\r\n" in merged
    assert b"windows_12 = 'TEAM'\r\n" in merged
    assert merged.count(b"\n") == merged.count(b"\r\n") == 20
    assert (team.path / "manage.py").read_bytes().endswith(b"# 0.3.0\r\n")


def test_10_mixed_line_ends_stay_where_they_are(team):
    lines = team.read("extra/windows.py").splitlines()
    team.write("extra/windows.py", "".join(line + ("\r\n" if i % 3 else "\n") for i, line in enumerate(lines)))
    before = (team.path / "extra/windows.py").read_bytes().splitlines(keepends=True)
    team.commit()
    team.update()
    after = (team.path / "extra/windows.py").read_bytes().splitlines(keepends=True)
    assert [a for a, b in zip(before, after, strict=True) if a != b] == [b"windows_3 = 3\r\n"]


def test_11_the_exec_bit_of_both_sides(team):
    (team.path / "extra/both.py").chmod(0o755)
    team.commit()
    team.update()
    assert (team.path / "extra/both.py").stat().st_mode & 0o777 == 0o755
    assert (team.path / "extra/run.sh").stat().st_mode & 0o111
    assert (team.path / "manage.py").stat().st_mode & 0o111
    assert team.run("--undo", "--yes").returncode == 0
    assert not (team.path / "extra/run.sh").stat().st_mode & 0o111


@pytest.mark.parametrize("is_known", [True, False])
def test_12_a_formatter_makes_no_conflict(team, is_known):
    lines = [f'name_{number} = ["a{number}", "b{number}"]\n' for number in range(1, 11)]
    if is_known:
        team.replace("pyproject.toml", 'quote-style = "preserve"', 'quote-style = "double"')
    else:  # no formatter's style
        lines = [line.replace("[", "[\n  ").replace(", ", ",\n  ") for line in lines]
    lines.append('name_11 = "TEAM"\n')
    team.write("extra/styled.py", "".join(lines))
    team.commit()
    team.update()
    lines[2] = 'name_3 = ["new", "b3"]\n' if is_known else "name_3 = [ 'new','b3' ]\n"
    assert team.read("extra/styled.py") == "".join(lines)


def test_12_wrapped_heads_and_nested_statements_make_no_conflict(team):
    # The whole file is in the style of `ast.unparse`, which is nobody's formatter.
    text = team.read("manage.py")
    tree = ast.parse(text)
    unparsed = ast.unparse(tree).replace("'", '"')  # another style all over
    team.write("manage.py", unparsed.replace("def main", 'TEAM = "ours"\n\ndef main') + "\n")
    team.commit()
    before = team.read("manage.py")
    team.update()
    after = team.read("manage.py")
    assert "<<<<" not in after
    assert "# 0.3.0" in after
    assert after.replace("# 0.3.0\n", "") == before


def test_13_an_identical_change_on_both_sides(team):
    team.replace("extra/same.py", "same_3 = 3\n", "same" + NEW)
    team.commit()
    before = team.read("extra/same.py")
    team.update()
    assert team.read("extra/same.py") == before


def test_14_a_dirty_tree_is_refused_for_touched_files_only(team):
    team.replace("extra/both.py", "both_15 = 15\n", "both_15 = 'TEAM'\n")
    before = team.tree()
    said = team.update(code=3)
    assert "extra/both.py" in said.stderr
    assert team.tree() == before
    team.git("checkout", "extra/both.py")
    team.replace(".dockerignore", ".git", "# TEAM\n.git")
    team.update()


def test_15_without_git_the_state_before_is_kept(team):
    shutil.rmtree(team.path / ".git")
    team.replace("extra/both.py", "both_15 = 15\n", "both_15 = 'TEAM'\n")
    before = team.tree()
    said = team.update()
    assert f"kept in {team.path}/.djcelery" in said.stderr
    assert "both" + NEW in team.read("extra/both.py")
    assert team.run("--undo", "--yes").returncode == 0
    assert team.tree() == before


def test_16_a_project_in_a_folder_of_a_larger_repository(team, tmp_path):
    shutil.rmtree(team.path / ".git")
    team.git("init", "-q", str(tmp_path))
    (tmp_path / "other.txt").write_text("TEAM\n")
    team.replace("extra/both.py", "both_15 = 15\n", "both_15 = 'TEAM'\n")
    team.git("add", "-A", str(tmp_path))
    team.git("commit", "-qm", "All")
    team.update()
    assert "both" + NEW in team.read("extra/both.py")
    assert team.git("show", "refs/djcelery/before-update/0.3.0:shop/extra/both.py").count("TEAM") == 1
    assert (tmp_path / "other.txt").read_text() == "TEAM\n"


def test_17_a_project_made_by_init(team):
    record = team.read(".djcelery.toml")
    library = [line for line in record.partition("[files]\n")[2].splitlines() if line.startswith('"djcelery_jobs/')]
    team.write(
        ".djcelery.toml", 'version = "0.2.0"\n\n[init]\nsettings = "shop.settings"\n\n[files]\n' + "\n".join(library)
    )
    team.commit()
    before = team.tree()
    team.update()
    changed = {path for path, data in team.tree().items() if before.get(path) != data}
    assert {path for path in changed if not path.startswith("djcelery_jobs/")} == {".djcelery.toml"}
    assert "djcelery_jobs/fresh.py" in changed
    assert 'settings = "shop.settings"' in team.read(".djcelery.toml")
    assert version(team) == "0.3.0"
    assert "Nothing to do" in team.run("--yes").stdout


def test_17_the_bound_of_celery_moves_in_a_project_made_by_init(team):
    library = [line for line in team.read(".djcelery.toml").splitlines() if line.startswith('"djcelery_jobs/')]
    head = 'version = "0.2.0"\n\n[init]\nsettings = "shop.settings"\n\n[files]\n'
    team.write(".djcelery.toml", head + "\n".join(library))
    (team.path / "pyproject.toml").unlink()
    team.write("requirements.txt", "django  # TEAM\ncelery[redis]>=5.5,<5.6  # ours\n")
    team.commit()
    team.update()
    assert team.read("requirements.txt") == "django  # TEAM\ncelery[redis]>=5.7,<5.8  # ours\n"


@pytest.fixture
def dependent(installed):
    """Return a project that init gave the library as a dependency, so that it has no record."""
    (installed.path / ".djcelery.toml").unlink()
    (installed.path / "pyproject.toml").unlink()
    installed.write("requirements.txt", "django\ndjcelery_jobs[redis,logs]>=0.2.0,<0.3  # ours\n")
    installed.commit()
    return installed


def test_18_the_bound_moves_in_a_project_without_a_record(dependent):
    said = dependent.run("--check")
    assert (said.returncode, said.stdout.splitlines()[0]) == (1, "The project has version 0.2.0; 0.3.0 is available.")
    before = dependent.tree()
    dependent.update()
    assert dependent.read("requirements.txt") == "django\ndjcelery_jobs[redis,logs]>=0.3.0,<0.4  # ours\n"
    assert "Up to date" in dependent.run("--check").stdout
    assert "Nothing to do" in dependent.run("--yes").stdout
    assert dependent.run("--undo", "--yes").returncode == 0
    assert dependent.tree() == before


def test_18_an_edited_library_is_refused_with_the_list(team):
    team.replace("djcelery_jobs/conf.py", '"""', '"""TEAM ')
    team.write("djcelery_jobs/ours.py", "TEAM = 1\n")
    team.commit()
    before = team.tree()
    said = team.update(code=3)
    assert "djcelery_jobs/conf.py, djcelery_jobs/ours.py" in said.stderr
    assert team.tree() == before
    team.update("--keep-edits")
    assert team.read("djcelery_jobs/conf.py").endswith("# 0.3.0\n")
    assert "TEAM" in team.read("djcelery_jobs/conf.py")


def test_18_an_unedited_library_is_replaced_whole(team):
    team.update()
    files = {path: data for path, data in team.tree().items() if path.startswith("djcelery_jobs/")}
    home = team.versions["0.3.0"].home / "{{cookiecutter.project_slug}}"
    assert files == {p: (home / p).read_bytes() for p in files}
    assert len(files) == len([p for p in (home / "djcelery_jobs").rglob("*") if p.is_file()])


def test_18_the_bound_of_an_installed_library_moves(installed):
    old = '"djcelery-jobs[logs,metrics,redis,sentry]>=0.2,<0.3"'
    installed.replace("pyproject.toml", f"  {old},\n", f'  "TEAM-package>=1",\n  {old[:-1].replace("[", "[beat,")}",\n')
    installed.replace("pyproject.toml", '  "honcho', '  "TEAM-tool",\n  "honcho')
    installed.commit()
    installed.update()
    assert '"djcelery-jobs[beat,logs,metrics,redis,sentry]>=0.3,<0.4"' in installed.read("pyproject.toml")
    assert not (installed.path / "djcelery_jobs").exists()


def test_18_vendored_to_installed(team, pristine):
    team.update()
    said = team.versions["0.3.0"].run(team.path, "eject", "--undo", "--yes")
    assert said.returncode == 0, said.stderr
    assert not (team.path / "djcelery_jobs").exists()
    assert '"djcelery-jobs[logs,metrics,redis,sentry]>=0.3,<0.4"' in team.read("pyproject.toml")


@pytest.mark.parametrize("steps", [["0.5.0"], ["0.3.0", "0.5.0"], ["0.3.0", "0.4.0", "0.5.0"]])
def test_19_versions_can_be_skipped(team, steps, tmp_path):
    team.replace("extra/both.py", "both_10 = 10\n", "both_10 = 'TEAM'\n")
    team.commit()
    for step in steps:
        team.update(version=step)
        team.commit()
    assert team.read("extra/late.py") == "late = 5\n"
    text = team.read("extra/both.py")
    assert all(f"both_{line}\n" in text for line in ("1 = '0.5.0'", "3 = 'new'", "18 = '0.4.0'", "10 = 'TEAM'"))
    assert version(team) == "0.5.0"
    words = ("new", "fresh/shop", "--no-git", "--answers", str(team.path / ".djcelery.toml"))
    done = team.versions["0.5.0"].run(tmp_path, *words)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "fresh/shop/.djcelery.toml").read_text() == team.read(".djcelery.toml")


def test_20_migrations_of_both_sides_have_one_leaf(team):
    team.write(
        "orders/migrations/0002_ours.py",
        team.read("orders/migrations/0001_initial.py").split("class Migration")[0]
        + "class Migration(migrations.Migration):\n    # TEAM\n"
        '    dependencies = [("orders", "0001_initial")]\n\n    operations = []\n',
    )
    team.commit()
    said = team.update()
    joined = team.read("orders/migrations/0003_merge_djcelery_0_3_0.py")
    assert '("orders", "0002_ours"),\n' in joined
    assert '("orders", "0002_template"),\n' in joined
    assert "joins two leaves" in said.stderr
