"""Test the cache of `djcelery check`: it saves work, it lies in the user's own folder, and nothing depends on it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from djcelery.checking import cache as cache_module
from djcelery.checking import kept_answers
from djcelery.checking import run as run_module
from djcelery.project import loading
from tests.unit.small_shop import TASKS, check, write_shop

ANSWERS = f"answers-{kept_answers.part_of('shop/tasks.py')}"

OTHER = TASKS.replace("atomic", "atomik")  # of the same size, without the mistake


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


def findings(shop: Path, *words: str) -> object:
    return json.loads(check(shop, "--format", "json", *words).stdout)


def test_the_cache_lies_in_the_users_folder_and_says_what_it_is(shop, home):
    check(shop)
    assert {path.name for path in shop.rglob("*")} == {"shop", "tasks.py"}
    part = kept_answers.part_of("shop/tasks.py")
    (folder,) = (home / "djcelery").glob("*/")
    assert {path.name for path in folder.iterdir()} == {"contents", "findings", "matches", f"answers-{part}"}
    assert (home / "djcelery" / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55")
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


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


def test_a_file_written_with_the_bytes_that_it_had_has_not_changed(shop, monkeypatch):
    fresh = findings(shop)
    monkeypatch.setattr(run_module, "read_and_judge", lambda *args: pytest.fail("nothing has changed"))
    for hours in (1, 2):  # as in two new clones
        (shop / "shop" / "tasks.py").unlink()
        (shop / "shop" / "tasks.py").write_text(TASKS)
        set_time(shop / "shop" / "tasks.py", hours)
        assert findings(shop) == fresh


def test_other_bytes_of_the_same_size_are_a_change(shop):
    file = shop / "shop" / "tasks.py"
    check(shop)
    for hours, text in enumerate((OTHER, TASKS), start=1):
        file.write_text(text)
        set_time(file, hours)
        assert findings(shop) == findings(shop, "--no-cache")


def test_what_is_written_while_it_is_checked_is_not_taken_for_what_was_checked(shop, monkeypatch):
    file = shop / "shop" / "tasks.py"
    read_and_judge = run_module.read_and_judge

    def judge_and_write(*args: object) -> object:
        report = read_and_judge(*args)
        file.write_text(OTHER)
        set_time(file, 1)
        return report

    with monkeypatch.context() as patch:
        patch.setattr(run_module, "read_and_judge", judge_and_write)
        check(shop)
    assert findings(shop) == findings(shop, "--no-cache")


@pytest.mark.parametrize("processes", [1, 2])
def test_what_was_read_of_a_known_file_while_it_was_written_does_not_count_for_its_old_bytes(
    shop, home, monkeypatch, processes
):
    monkeypatch.setattr(loading, "BYTES_PER_PROCESS", 10)
    monkeypatch.setattr(loading.os, "cpu_count", lambda: processes)
    file = shop / "shop" / "tasks.py"
    check(shop)
    cached_file(home, ANSWERS).unlink()
    cached_file(home, "findings").unlink()
    read_and_judge = run_module.read_and_judge

    def write_and_judge(*args: object) -> object:
        file.write_text(OTHER)
        return read_and_judge(*args)

    with monkeypatch.context() as patch:
        patch.setattr(run_module, "read_and_judge", write_and_judge)
        check(shop)
    file.write_text(TASKS)
    set_time(file, 1)
    assert findings(shop) == findings(shop, "--no-cache")


def set_time(file: Path, hours: int) -> None:
    """Let a file seem to have been written so long ago."""
    at = time.time_ns() - hours * 3600 * 10**9
    os.utime(file, ns=(at, at))


def test_two_projects_have_a_cache_each(shop, home, tmp_path):
    (tmp_path / "clean").mkdir()
    assert check(shop).exit_code == 1
    assert check(tmp_path / "clean").exit_code == 0
    assert check(shop).exit_code == 1
    assert len([*home.glob("djcelery/*/findings")]) == 2


@pytest.mark.parametrize("name", ["contents", "findings", "matches", ANSWERS])
@pytest.mark.parametrize("data", [b"", b"{", b"wrong\n[]", b"\0", b"\xff" * 99, b"[]\n", b"\n" * 9])
def test_a_broken_cache_is_read_over(shop, home, name, data):
    fresh = findings(shop, "--no-cache")
    check(shop)
    path = cached_file(home, name)
    whole = path.read_bytes()
    head, rest = whole.split(b"\n", 1)
    flipped = bytes([rest[len(rest) // 2] ^ 1])
    for broken in (
        data,
        head + b"\n" + data,
        whole[:-1],
        whole[: len(whole) // 2],
        whole + data + b"x",
        head + b"\n" + rest[: len(rest) // 2] + flipped + rest[len(rest) // 2 + 1 :],
        b"0.0.1" + whole,
    ):
        (home / "djcelery").joinpath(path.parent.name, "findings").unlink(missing_ok=True)
        path.write_bytes(broken)
        assert findings(shop) == fresh
        assert findings(shop) == fresh


def test_another_version_of_djcelery_or_python_reads_nothing(shop, home, monkeypatch):
    check(shop)
    monkeypatch.setattr(run_module.sys.implementation, "cache_tag", "other-1")
    parsed: list[str] = []
    read = loading.read
    monkeypatch.setattr(loading, "read", lambda path, *rest: parsed.append(path) or read(path, *rest))
    check(shop)
    assert parsed == ["shop/tasks.py"]


def test_a_file_of_somebody_else_is_not_read(shop, home, monkeypatch):
    check(shop)
    monkeypatch.setattr(cache_module.marshal, "loads", lambda data: pytest.fail("a stranger's data was read"))
    fstat = os.fstat
    monkeypatch.setattr(cache_module.os, "fstat", lambda descriptor: of_somebody_else(fstat(descriptor)))
    assert check(shop).exit_code == 1


def of_somebody_else(state: os.stat_result) -> os.stat_result:
    numbers = list(state[:10])
    numbers[4] += 1  # the owner
    return os.stat_result(numbers)


@pytest.mark.parametrize("name", [".djcelery_cache", "findings", ANSWERS])
def test_a_checked_folder_cannot_lead_the_cache_elsewhere(shop, tmp_path, name):
    victim = tmp_path / "victim"
    victim.mkdir()
    (shop / name).symlink_to(victim)
    check(shop)
    assert [*victim.iterdir()] == []


def test_links_in_the_cache_are_neither_followed_nor_read(shop, home, tmp_path):
    check(shop)
    folder = cached_file(home, ANSWERS).parent
    victim = tmp_path / "victim"
    victim.write_text("mine")
    for name in ("findings", ANSWERS):
        (folder / name).unlink()
        (folder / name).symlink_to(victim)
    assert check(shop).exit_code == 1
    assert victim.read_text() == "mine"
    assert not (folder / ANSWERS).is_symlink()


def test_a_cache_folder_that_is_a_link_is_not_used(shop, home, tmp_path):
    victim = tmp_path / "victim"
    victim.mkdir()
    (home / "djcelery").symlink_to(victim)
    assert check(shop).exit_code == 1
    assert [*victim.iterdir()] == []
    (home / "djcelery").unlink()
    check(shop)
    folder = cached_file(home, ANSWERS).parent
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    folder.symlink_to(victim)
    assert check(shop).exit_code == 1
    assert [*victim.iterdir()] == []


def test_a_temporary_file_is_made_exclusively_and_never_through_a_link(shop, home, tmp_path, monkeypatch):
    check(shop)
    folder = cached_file(home, ANSWERS).parent
    (folder / "findings").unlink()
    victim = tmp_path / "victim"
    victim.write_text("mine")
    monkeypatch.setattr(os, "urandom", lambda size: b"\0" * size)  # as if somebody had guessed it
    (folder / f"findings.{'00' * 8}.tmp").symlink_to(victim)
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
    folder = cached_file(home, ANSWERS).parent
    old = time.time() - cache_module.KEPT_FOR - 60
    os.utime(folder, (old, old))
    (tmp_path / "clean").mkdir()
    check(tmp_path / "clean")
    assert not folder.exists()
    assert (home / "djcelery" / "CACHEDIR.TAG").exists()
