"""Test that a vendored library that was edited is reported; an installed or untouched one is not."""

import hashlib

import pytest

from djcelery_jobs import vendored


@pytest.fixture
def folder(tmp_path, settings, monkeypatch):
    """Return a project whose record holds the hashes of its folder djcelery_jobs."""
    package = tmp_path / "djcelery_jobs"
    (package / "core").mkdir(parents=True)
    lines = ["[files]", '"manage.py" = "0"']
    digest = hashlib.sha256(b"x = 1\n").hexdigest()
    for name in ("__init__.py", "core/ledger.py"):
        (package / name).write_text("x = 1\n")
        lines.append(f'"djcelery_jobs/{name}" = "{digest}"')
    (tmp_path / ".djcelery.toml").write_text("\n".join(lines))
    (package / "core/__pycache__").mkdir()
    (package / "core/__pycache__/ledger.pyc").touch()
    settings.BASE_DIR = tmp_path
    monkeypatch.setattr(vendored, "PACKAGE", package)
    return package


def test_an_untouched_folder_is_fine(folder):
    assert vendored.check_vendored_files(None) == []


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (lambda folder: (folder / "core/ledger.py").write_text("x = 2\n"), "djcelery_jobs/core/ledger.py"),
        (lambda folder: (folder / "core/ledger.py").unlink(), "djcelery_jobs/core/ledger.py"),
        (lambda folder: (folder / "more.py").touch(), "djcelery_jobs/more.py"),
    ],
    ids=["edited", "removed", "added"],
)
def test_an_edited_folder_gets_a_warning_with_the_file(folder, edit, named):
    edit(folder)
    (message,) = vendored.check_vendored_files(None)
    assert message.id == "djcelery_jobs.W019"
    assert message.msg == f"Files of the vendored library were edited: {named}."


def test_an_installed_package_is_not_judged(folder, settings, tmp_path):
    (folder / "more.py").touch()
    settings.BASE_DIR = tmp_path / "elsewhere"
    assert vendored.check_vendored_files(None) == []


def test_a_project_without_a_record_is_not_judged(folder, tmp_path):
    (folder / "more.py").touch()
    (tmp_path / ".djcelery.toml").unlink()
    assert vendored.check_vendored_files(None) == []
