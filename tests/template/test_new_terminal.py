"""The dialogue on a real terminal."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time

import pytest

from tests.process_state import WAITS, state

pty = pytest.importorskip("pty", reason="another operating system: no pseudo-terminals")


class Screen:
    """`djcelery` on a terminal, and what has appeared there so far."""

    def __init__(self, words, folder, **env):
        ours, theirs = pty.openpty()
        self.ours = ours
        self.text = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "djcelery", *words], cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs,
            env={**os.environ, "TERM": "xterm", **env}, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)

    def wait_for(self, words, seconds=30):
        """Read until `words` appear, past what was read before."""
        end = time.monotonic() + seconds
        start = len(self.text)
        while words not in self.text[start:] and self._read(end):
            pass
        assert words in self.text[start:], self.text

    def type(self, text):
        os.write(self.ours, text.encode())

    def stop(self, number):
        """Send a signal while it reads an answer. Python would see one that comes just before only with the answer."""
        end = time.monotonic() + 30
        while state(self.process.pid) != WAITS:
            assert time.monotonic() < end, self.text
            time.sleep(0.01)
        self.process.send_signal(number)

    def leave(self, seconds=30):
        """Read until it has ended, and return its exit code."""
        end = time.monotonic() + seconds
        while self._read(end):
            pass
        os.close(self.ours)
        return self.process.wait(timeout=30)

    def _read(self, end):
        """Whether there is more to come."""
        assert select.select([self.ours], [], [], max(0, end - time.monotonic()))[0], self.text
        try:
            chunk = os.read(self.ours, 65536)
        except OSError:
            return False
        self.text += chunk.decode()
        return bool(chunk)


def test_every_question_with_its_help_and_a_second_chance(tmp_path):
    screen = Screen(["new"], tmp_path)
    screen.wait_for("name [myproject]: ")
    screen.type("my-shop\n")
    screen.wait_for("name [myproject]: ")
    assert "Try my_shop." in screen.text
    screen.type("my_shop\n")
    screen.wait_for("broker [redis]: ")
    screen.type("rabitmq\n")
    screen.wait_for("broker [redis]: ")
    assert "Did you mean rabbitmq?" in screen.text
    screen.type("2\n")
    for question in (
        "results [none]: ",
        "schedule [settings]: ",
        "sentry [yes]: ",
        "ci [github]: ",
        "kubernetes [no]: ",
        "example [yes]: ",
    ):
        screen.wait_for(question)
        screen.type("\n")
    assert screen.leave() == 0
    assert "--broker rabbitmq" in screen.text
    assert (tmp_path / "my_shop/manage.py").exists()
    assert "\x1b[" in screen.text


def test_any_flag_means_no_questions(tmp_path):
    screen = Screen(["new", "shop", "--no-git"], tmp_path, NO_COLOR="1")
    assert screen.leave() == 0
    assert "[redis]" not in screen.text
    assert "Using defaults: " in screen.text
    assert "\x1b[" not in screen.text


def test_ctrl_c_at_a_question_leaves_nothing(tmp_path):
    screen = Screen(["new", "shop"], tmp_path, TERM="dumb")
    screen.wait_for("broker [redis]: ")
    screen.stop(signal.SIGINT)
    assert screen.leave() == 130
    assert list(tmp_path.iterdir()) == []
    assert "Cancelled" in screen.text
    assert "\x1b[" not in screen.text


def test_ctrl_d_at_a_question_leaves_nothing(tmp_path):
    screen = Screen(["new", "shop"], tmp_path)
    screen.wait_for("broker [redis]: ")
    screen.type("\x04")
    assert screen.leave() == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_way_is_told_before_any_question(tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/precious").touch()
    screen = Screen(["new", "shop"], tmp_path)
    assert screen.leave() == 1
    assert "It contains precious" in screen.text
    assert "[redis]" not in screen.text
