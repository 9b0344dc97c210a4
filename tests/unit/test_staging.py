"""Test that a folder is written whole or not at all, also when a signal comes at the worst moment."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from djcelery import interrupts, staging
from djcelery.errors import CommandError

WHEN = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def build(target, then=lambda: None):
    with staging.staged(target) as folder:
        folder.mkdir()
        (folder / "file").touch()
        then()


def test_it_appears_at_once_with_its_parents(tmp_path):
    build(tmp_path / "a/b/c")
    assert (tmp_path / "a/b/c/file").exists()
    assert names(tmp_path) == ["a"]


def test_until_the_end_only_a_hidden_folder_is_there(tmp_path):
    seen = []
    build(tmp_path / "a/b", then=lambda: seen.extend(names(tmp_path)))
    assert len(seen) == 1
    assert seen[0].startswith(".djcelery-")


@pytest.mark.parametrize("number", WHEN)
def test_a_signal_while_building_leaves_nothing(tmp_path, number):
    with pytest.raises(interrupts.Interrupted) as stopped, interrupts.raised():
        build(tmp_path / "a/b", then=lambda: os.kill(os.getpid(), number))
    assert stopped.value.exit_code == 128 + number
    assert names(tmp_path) == []


def test_a_second_signal_does_not_cut_the_cleaning_short(tmp_path, monkeypatch):
    remove = staging._remove

    def hit_again(folder):
        os.kill(os.getpid(), signal.SIGTERM)
        remove(folder)

    monkeypatch.setattr(staging, "_remove", hit_again)
    with pytest.raises(interrupts.Interrupted) as stopped, interrupts.raised():
        build(tmp_path / "a", then=lambda: os.kill(os.getpid(), signal.SIGINT))
    assert stopped.value.exit_code == 130
    assert names(tmp_path) == []


def test_a_signal_on_the_way_out_does_not_cut_the_cleaning_short(tmp_path, monkeypatch):
    ignore = interrupts.ignore
    calls = []

    def hit_before(*_args):
        calls.append(1)
        if len(calls) == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        ignore()

    monkeypatch.setattr(interrupts, "ignore", hit_before)
    with pytest.raises(interrupts.Interrupted), interrupts.raised():
        build(tmp_path / "a", then=lambda: 1 / 0)
    assert names(tmp_path) == []


def test_a_signal_between_name_and_folder_leaves_nothing(tmp_path, monkeypatch):
    make = staging._make

    def hit_after(hidden):
        make(hidden)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(staging, "_make", hit_after)
    with pytest.raises(interrupts.Interrupted), interrupts.raised():
        build(tmp_path / "a")
    assert names(tmp_path) == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_signal_whose_exception_python_dropped_still_stops_it(tmp_path):
    class Finaliser:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(interrupts.Interrupted), interrupts.raised():
        build(tmp_path / "a", then=Finaliser)
    assert names(tmp_path) == []


def test_a_deferred_signal_waits_for_the_end_of_the_block():
    after = []

    def hold():
        with interrupts.raised(), interrupts.deferred():
            os.kill(os.getpid(), signal.SIGTERM)
            after.append(True)

    with pytest.raises(interrupts.Interrupted):
        hold()
    assert after == [True]


def test_what_was_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interrupts.raised():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_the_handlers_of_before_come_back():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(interrupts.Interrupted), interrupts.raised():
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before


def test_no_permission_to_make_the_hidden_folder_is_a_refusal(tmp_path, monkeypatch):
    def refuse(self, *_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.mkdir", refuse)
    with pytest.raises(CommandError, match="not have permission to write"), staging.hidden_folder(tmp_path):
        pass


def test_an_empty_folder_is_replaced_and_one_that_filled_meanwhile_is_not(tmp_path):
    target = tmp_path / "a"
    target.mkdir()
    build(target)
    assert names(target) == ["file"]
    other = tmp_path / "b"
    other.mkdir()
    with pytest.raises(OSError, match="not empty"):
        build(other, then=(other / "precious").touch)
    assert names(other) == ["precious"]
    assert names(tmp_path) == ["a", "b"]


@pytest.mark.parametrize("number", WHEN)
def test_a_signal_while_the_current_folder_is_filled_leaves_it_empty(tmp_path, monkeypatch, number):
    monkeypatch.chdir(tmp_path)
    rename = Path.rename

    def hit(path, target):
        os.kill(os.getpid(), number)
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", hit)
    with pytest.raises(interrupts.Interrupted), interrupts.raised():
        build(tmp_path)
    assert names(tmp_path) == []


def test_the_current_folder_keeps_what_appeared_in_the_meantime(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError, match="file appeared in the meantime"):
        build(tmp_path, then=lambda: (tmp_path / "file").write_text("mine"))
    assert (tmp_path / "file").read_text() == "mine"
    assert names(tmp_path) == ["file"]
