"""Test `djcelery eject` and its inverse, on a project of a few files."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest

from djcelery import journal, requirements
from tests.unit.conftest import ROOT

REQUIREMENT = "djcelery-jobs[redis,logs]>=1.2,<1.3"


@pytest.fixture
def project(cli, tmp_path, small_template, released):
    """Return a project that depends on the library, made from a template with a library of three files."""
    library = small_template / "djcelery_jobs"
    (library / "core").mkdir(parents=True)
    for name, text in {"__init__.py": "", "README.md": "Upstream's\n", "core/ledger.py": "x = 1\n"}.items():
        (library / name).write_text(text)
    (library / "__pycache__").mkdir()
    (library / "__pycache__/x.pyc").touch()
    (small_template.parent / "lib").mkdir()
    shutil.copy(ROOT / "lib/pyproject.toml", small_template.parent / "lib")
    with (small_template / "pyproject.toml").open("a") as file:
        file.write(
            f'dependencies = [\n  # {{% if not cookiecutter._vendored %}}\n  "{REQUIREMENT}",\n  # {{% endif %}}\n'
        )
        file.write('  "django>=5.2,<6.1",\n]\n')
    assert cli("new", "shop", "--no-vendor", "--no-git").code == 0
    return tmp_path / "shop"


def tree(folder: Path) -> dict[str, bytes]:
    """Return the bytes of each file without the journal."""
    paths = [path for path in folder.rglob("*") if path.is_file() and ".djcelery" not in path.parts]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def dependencies(project: Path) -> list[str]:
    return tomllib.loads((project / "pyproject.toml").read_text())["project"]["dependencies"]


def test_the_folder_replaces_the_dependency(cli, project):
    before = tree(project)
    said = cli("eject", "shop", "--yes")
    assert said.code == 0, said.err
    after = tree(project)
    added = {"djcelery_jobs/__init__.py", "djcelery_jobs/README.md", "djcelery_jobs/core/ledger.py"}
    assert set(after) - set(before) == added
    assert {name for name in before if before[name] != after[name]} == {"pyproject.toml", ".djcelery.toml"}
    assert dependencies(project) == [
        "celery[redis]>=5.7,<5.8",
        "django-structlog>=11",
        "hiredis>=3.2",
        "django>=5.2,<6.1",
    ]
    assert "djcelery_jobs/: 3 files added" in said.out
    assert f'-  "{REQUIREMENT}",' in said.out


def test_undo_is_the_exact_inverse_and_so_is_undoing_the_undo(cli, project):
    installed = tree(project)
    cli("eject", "shop", "--yes")
    vendored = tree(project)
    (project / "djcelery_jobs/core/__pycache__").mkdir()
    (project / "djcelery_jobs/core/__pycache__/ledger.pyc").touch()
    assert cli("eject", "shop", "--undo", "--yes").code == 0
    assert tree(project) == installed
    assert not (project / "djcelery_jobs").exists()
    cli("eject", "shop", "--yes")
    assert tree(project) == vendored


@pytest.mark.parametrize("requirement", ["djcelery-jobs", "djcelery-jobs[redis, logs] >= 1.2, <2"])
def test_a_requirement_comes_back_as_it_was_written(cli, project, requirement):
    file = project / "pyproject.toml"
    file.write_text(file.read_text().replace(REQUIREMENT, requirement))
    edited = tree(project)
    assert cli("eject", "shop", "--yes").code == 0
    assert "djcelery-jobs" not in str(dependencies(project))
    assert cli("eject", "shop", "--undo", "--yes").code == 0
    assert tree(project) == edited


def test_edits_of_the_team_survive_both_directions(cli, project):
    with (project / "pyproject.toml").open("a") as file:
        file.write("\n[tool.ours]\nx = 1\n")
    (project / "README.md").write_text("Ours\n")
    edited = tree(project)
    cli("eject", "shop", "--yes")
    assert cli("eject", "shop", "--undo", "--yes").code == 0
    assert tree(project) == edited


def test_the_record_is_what_new_writes_for_a_vendored_project(cli, project, tmp_path):
    assert cli("new", "other/shop", "--vendor", "--no-git").code == 0
    cli("eject", "shop", "--yes")
    new, ejected = (
        tomllib.loads((folder / ".djcelery.toml").read_text()) for folder in (tmp_path / "other/shop", project)
    )
    assert ejected["answers"] == new["answers"]
    assert set(ejected["files"]) == set(new["files"])
    library = [name for name in new["files"] if name.startswith("djcelery_jobs/")]
    assert [ejected["files"][name] for name in library] == [new["files"][name] for name in library]


@pytest.mark.parametrize("words", [["--dry-run"], []], ids=["dry run", "nobody to ask"])
def test_nothing_changes_without_consent(cli, project, words):
    before = tree(project)
    said = cli("eject", "shop", *words)
    assert tree(project) == before
    assert said.code == (0 if words else 2)
    assert "djcelery_jobs/: 3 files added" in said.out
    assert ("Pass --yes" in said.err) is not bool(words)


@pytest.mark.parametrize(("change", "named"), [
    (lambda folder: (folder / "core/ledger.py").write_text("x = 2\n"), "djcelery_jobs/core/ledger.py"),
    (lambda folder: (folder / "more.py").touch(), "djcelery_jobs/more.py"),
    (lambda folder: (folder / "README.md").unlink(), "djcelery_jobs/README.md"),
], ids=["edited", "added", "removed"])  # fmt: skip
def test_undo_refuses_an_edited_folder_and_names_the_files(cli, project, change, named):
    cli("eject", "shop", "--yes")
    change(project / "djcelery_jobs")
    before = tree(project)
    said = cli("eject", "shop", "--undo", "--yes")
    assert (said.code, tree(project)) == (1, before)
    assert said.err.splitlines()[0].endswith(f"would be lost: {named}")


def test_a_run_that_was_killed_is_taken_back_by_the_next_one(cli, project):
    before = tree(project)
    assert cli("eject", "shop", "--yes").code == 0
    (project / ".djcelery/1.done").rename(project / ".djcelery/1.applying")
    said = cli("eject", "shop", "--dry-run")
    assert (said.code, tree(project)) == (0, before)
    assert said.err == "An earlier run was interrupted. Its changes were undone first.\n"


def test_what_cannot_be_ejected_is_refused(cli, project, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "has no .djcelery.toml" in cli("eject", "empty").err
    assert "There is no folder djcelery_jobs" in cli("eject", "shop", "--undo").err
    text = (project / "pyproject.toml").read_text()
    for wrong in (text.replace(REQUIREMENT, "djcelery-jobs>=1.3"), text.replace(REQUIREMENT, "djcelery-jobs==1.2.2")):
        (project / "pyproject.toml").write_text(wrong)
        assert "but this command has version 1.2.3" in cli("eject", "shop").err
    for wrong in (text.replace(REQUIREMENT, "celery"), text + f'\n[tool.x]\ny = [\n  "{REQUIREMENT}",\n]\n'):
        (project / "pyproject.toml").write_text(wrong)
        assert "must require djcelery-jobs on one line" in cli("eject", "shop").err
    (project / "pyproject.toml").write_text(text.replace("redis,logs", "redis,log"))
    assert "no extra log." in cli("eject", "shop").err
    (project / "pyproject.toml").write_text(text)
    cli("eject", "shop", "--yes")
    assert "exists already" in cli("eject", "shop").err
    (project / "pyproject.toml").write_text(text.replace(REQUIREMENT, "celery"))
    assert "no longer says which requirement" in cli("eject", "shop", "--undo").err


def test_an_unreleased_version_undoes_nothing(cli, project, small_template):
    cli("eject", "shop", "--yes")
    shutil.copy(ROOT / "cookiecutter.json", small_template.parent)
    said = cli("eject", "shop", "--undo", "--yes")
    assert (said.code, (project / "djcelery_jobs").is_dir()) == (1, True)
    assert "has not been released" in said.err


@pytest.mark.parametrize("failing", [1, 3, 5])
def test_a_failure_in_the_middle_leaves_all_as_it_was(cli, project, monkeypatch, failing):
    before = tree(project)
    write_new = journal.write_new
    calls = []

    def fail(path, data, mode=None):
        calls.append(path)
        if len(calls) == failing:
            raise OSError(28, "No space left on device")
        write_new(path, data, mode)

    monkeypatch.setattr(journal, "write_new", fail)
    said = cli("eject", "shop", "--yes")
    assert (said.code, tree(project)) == (1, before)
    assert not (project / "djcelery_jobs").exists()


@pytest.mark.parametrize(("versions", "version", "is_allowed"), [
    (">=0.2,<0.3", "0.2.7", True), (">=0.2,<0.3", "0.3.0", False), (">=0.2.1", "0.2.0", False), ("", "9.9", True),
    ("==0.2.1", "0.2.1", True), ("==0.2.1", "0.2.2", False), ("~=0.2.1", "0.2.9", True), ("~=0.2.1", "0.3.0", False),
    ("!=0.2.1", "0.2.1", False), ("<=0.2,>0.1", "0.2.0", True), (">=0.2,<0.3", "0.2.0.dev0", True),
])  # fmt: skip
def test_versions(versions, version, is_allowed):
    assert requirements.allows(versions, version) is is_allowed
