"""Run the command on a real terminal, type, and read what appears."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time

import pytest

from tests.process_state import WAITS, state

pty = pytest.importorskip("pty", reason="another operating system: no pseudo-terminals")
termios = pytest.importorskip("termios", reason="another operating system: no pseudo-terminals")

# The variables that ask for lines of text without a menu.
PLAIN = [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"ACCESSIBLE": "1"}]
UP, DOWN = "\x1b[A", "\x1b[B"


class Screen:
    """Run `djcelery` on a terminal, and hold what has appeared there so far."""

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

    def echoes(self):
        """Return whether the terminal shows what is typed."""
        return bool(termios.tcgetattr(self.ours)[3] & termios.ECHO)

    def leave(self, seconds=30):
        """Read until it has ended, and return its exit code."""
        end = time.monotonic() + seconds
        while self._read(end):
            pass
        os.close(self.ours)
        return self.process.wait(timeout=30)

    def _read(self, end):
        """Read what has come, and return whether there is more to come."""
        assert select.select([self.ours], [], [], max(0, end - time.monotonic()))[0], self.text
        try:
            chunk = os.read(self.ours, 65536)
        except OSError:
            return False
        self.text += chunk.decode()
        return bool(chunk)
