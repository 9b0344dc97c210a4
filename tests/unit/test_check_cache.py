"""Test the cache of `djcelery check`: it saves work, it lies in the user's own folder, and nothing depends on it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from djcelery.checking import cache as cache_module
from djcelery.project import loading
from tests.unit.small_shop import TASKS, check, write_shop


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the user's cache folder, as XDG_CACHE_HOME names it."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.delenv("DJCELERY_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


@pytest.fixture
def shop(tmp_path: Path, home: Path) -> Path:
    return write_shop(tmp_path / "project")


def cached_file(home: Path, name: str) -> Path:
    (path,) = home.glob(f"djcelery/*/{name}")
    return path


def test_the_cache_lies_in_the_users_folder_and_says_what_it_is(shop, home):
    check(shop)
    assert {path.name for path in shop.rglob("*")} == {"shop", "tasks.py"}
    assert {path.name for path in (home / "djcelery").rglob("*.json")} == {"findings.json", "facts.json"}
    assert (home / "djcelery" / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55")
    assert cached_file(home, "facts.json").stat().st_mode & 0o777 == 0o600


def test_without_a_setting_it_is_in_the_cache_folder_of_the_home(tmp_path, monkeypatch):
    monkeypatch.delenv("DJCELERY_CACHE_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    for value in ("", "relative/folder"):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert cache_module.cache_home() == str(tmp_path / ".cache" / "djcelery")
    monkeypatch.setenv("DJCELERY_CACHE_DIR", str(tmp_path / "other"))
    assert cache_module.cache_home() == str(tmp_path / "other")


def test_a_change_is_noticed(shop):
    assert check(shop).exit_code == 1
    assert check(shop).exit_code == 1
    (shop / "shop" / "tasks.py").write_text(TASKS.replace("with transaction.atomic():", "if order:"))
    assert check(shop).exit_code == 0


def test_the_second_run_parses_only_the_file_that_changed(shop, monkeypatch):
    (shop / "shop" / "more.py").write_text(TASKS.replace("index", "other"))
    parsed: list[str] = []
    read = loading.read
    monkeypatch.setattr(loading, "read", lambda path, *rest: parsed.append(path) or read(path, *rest))
    first = check(shop, "--format", "json").stdout
    assert sorted(parsed) == ["shop/more.py", "shop/tasks.py"]
    parsed.clear()
    (shop / "shop" / "more.py").write_text(TASKS.replace("index", "other") + "\n")
    assert check(shop, "--format", "json").stdout == first
    assert parsed == ["shop/more.py"]
    parsed.clear()
    check(shop)
    assert parsed == []
    check(shop, "--no-cache")
    assert sorted(parsed) == ["shop/more.py", "shop/tasks.py"]


def test_two_projects_have_a_cache_each(shop, home, tmp_path):
    (tmp_path / "clean").mkdir()
    assert check(shop).exit_code == 1
    assert check(tmp_path / "clean").exit_code == 0
    assert check(shop).exit_code == 1
    assert len([*home.glob("djcelery/*/findings.json")]) == 2


@pytest.mark.parametrize("text", ["", "{", "wrong\n[]", "\0", "[]", '{"findings": 3}'])
def test_a_broken_cache_is_read_over(shop, home, text):
    check(shop)
    for name in ("findings.json", "facts.json"):
        path = cached_file(home, name)
        path.write_text(text)
        assert check(shop).exit_code == 1
        path.write_text(path.read_text().split("\n")[0] + "\n" + text)
        assert check(shop).exit_code == 1


def test_broken_facts_are_read_again(shop, home):
    check(shop)
    facts = cached_file(home, "facts.json")
    version, text = facts.read_text().split("\n")
    size, mtime, name, rows = json.loads(text)["shop/tasks.py"]
    broken = [7, [size], [size, mtime, name, 7], [size, mtime, name, rows[:4]], [size, mtime, name, [*rows[:-1], []]]]
    for number, value in enumerate(broken):
        facts.write_text(version + "\n" + json.dumps({"shop/tasks.py": value}))
        (shop / "other.py").write_text("x = 1\n" * number)
        assert [finding["code"] for finding in json.loads(check(shop, "--format", "json").stdout)] == ["DJC101"]


def test_the_cache_holds_data_and_no_code(shop, home):
    check(shop)
    assert cached_file(home, "facts.json").read_text().splitlines()[1].startswith("{")


@pytest.mark.parametrize("name", [".djcelery_cache", "findings.json", "facts.json"])
def test_a_checked_folder_cannot_lead_the_cache_elsewhere(shop, tmp_path, name):
    victim = tmp_path / "victim"
    victim.mkdir()
    (shop / name).symlink_to(victim)
    check(shop)
    assert [*victim.iterdir()] == []


def test_links_in_the_cache_are_neither_followed_nor_read(shop, home, tmp_path):
    check(shop)
    folder = cached_file(home, "facts.json").parent
    victim = tmp_path / "victim"
    victim.write_text("mine")
    for name in ("findings.json", "facts.json"):
        (folder / name).unlink()
        (folder / name).symlink_to(victim)
    assert check(shop).exit_code == 1
    assert victim.read_text() == "mine"
    assert not (folder / "facts.json").is_symlink()


def test_a_cache_folder_that_is_a_link_is_not_used(shop, home, tmp_path):
    victim = tmp_path / "victim"
    victim.mkdir()
    (home / "djcelery").symlink_to(victim)
    assert check(shop).exit_code == 1
    assert [*victim.iterdir()] == []
    (home / "djcelery").unlink()
    check(shop)
    folder = cached_file(home, "facts.json").parent
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    folder.symlink_to(victim)
    assert check(shop).exit_code == 1
    assert [*victim.iterdir()] == []


def test_a_temporary_file_is_made_exclusively_and_never_through_a_link(shop, home, tmp_path, monkeypatch):
    check(shop)
    folder = cached_file(home, "facts.json").parent
    (folder / "findings.json").unlink()
    victim = tmp_path / "victim"
    victim.write_text("mine")
    monkeypatch.setattr(os, "urandom", lambda size: b"\0" * size)  # as if somebody had guessed it
    (folder / f"findings.json.{'00' * 8}.tmp").symlink_to(victim)
    assert check(shop).exit_code == 1
    assert victim.read_text() == "mine"


@pytest.mark.parametrize("trouble", ["file", "unwritable"])
def test_a_cache_folder_that_cannot_be_written_means_no_cache(shop, home, monkeypatch, trouble):
    if trouble == "file":
        (home / "djcelery").write_text("")
    else:

        def refuse(*args: object, **kwargs: object) -> None:
            raise PermissionError(13, "denied")

        monkeypatch.setattr(os, "mkdir", refuse)
    result = check(shop)
    assert result.exit_code == 1
    assert "denied" not in result.stderr
    assert not (home / "djcelery").is_dir()


def test_caches_of_projects_that_are_gone_are_removed(shop, home, tmp_path):
    check(shop)
    folder = cached_file(home, "facts.json").parent
    old = time.time() - cache_module.KEPT_FOR - 60
    os.utime(folder, (old, old))
    (tmp_path / "clean").mkdir()
    check(tmp_path / "clean")
    assert not folder.exists()
    assert (home / "djcelery" / "CACHEDIR.TAG").exists()
