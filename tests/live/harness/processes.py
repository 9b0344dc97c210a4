"""Start processes, read what they print, know what they start in turn, and leave nothing of them behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
MARK = "DJCELERY_LIVE_TEST"
PROC = Path("/proc")


def eventually(
    what: str, look: Callable[[], T], seconds: float = 120, *, otherwise: Callable[[], str] = lambda: ""
) -> T:
    """Return the first true value of `look()`. Fails when there is none in `seconds`, a time that is never the measure.

    otherwise: what to say then beside `what`.
    """
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}\n{otherwise()}"
        time.sleep(0.1)
    return found


def whole_lines(file: Path) -> list[str]:
    """Return the lines of a file, or none where it is not there yet.

    Without the last one as long as it has no end: somebody may be writing it now, or was killed while writing it.
    """
    if not file.exists():
        return []
    return file.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]


class Process:
    """Run a process in a session of its own, with a mark in its environment that whatever it starts inherits."""

    def __init__(self, command: Sequence[str | Path], folder: Path, variables: dict[str, str], log: Path) -> None:
        self.mark = uuid.uuid4().hex
        self.known: set[tuple[int, int]] = set()
        self.log = log
        with log.open("ab") as output:
            self.popen = subprocess.Popen(
                command,
                cwd=folder,
                env={**variables, MARK: self.mark, "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def lines(self, pattern: str) -> list[str]:
        """Return the lines printed so far in which the pattern is found."""
        return [line for line in whole_lines(self.log) if re.search(pattern, line)]

    def wait_for(self, pattern: str, count: int = 1, seconds: float = 60) -> list[str]:
        """Wait until that many lines match."""

        def look() -> list[str]:
            found = self.lines(pattern)
            assert len(found) >= count or self.popen.poll() is None, f"it ended:\n{self.text[-4000:]}"
            return found if len(found) >= count else []

        return eventually(f"{count} x {pattern!r} in\n{self.text[-4000:]}", look, seconds)

    def family(self) -> dict[int, str]:
        """Return the command lines, by process id, of all that live and descend from it, and its own.

        Known by the mark that they inherit; Valkey writes its title over that, and is known by its parent.
        """
        parents = {pid: int(fields[1]) for pid in _processes() if (fields := _status(pid)) and fields[0] != "Z"}
        marked = {pid for pid in parents if self._is_marked(pid)}
        while more := {pid for pid, parent in parents.items() if parent in marked} - marked:
            marked |= more
        self.known |= {(pid, _born(pid)) for pid in marked}
        living = sorted(pid for pid, born in self.known if pid in parents and _born(pid) == born)
        return {pid: _command(pid) for pid in living}

    def _is_marked(self, pid: int) -> bool:
        return f"{MARK}={self.mark}" in _read(pid, "environ")

    def member(self, *words: str) -> int:
        """Return the oldest process of the family whose command has each of the words, shells and watchers apart."""
        matching = [
            pid
            for pid, command in self.family().items()
            if all(word in command for word in words) and "watchfiles" not in command and "/bin/sh" not in command
        ]
        assert matching, f"no process of {words} among {self.family()}"
        return min(matching, key=_born)

    def interrupt(self, seconds: float = 30) -> int:
        """Press Ctrl-C: a terminal sends SIGINT to the whole group in its foreground. Returns the exit code."""
        os.killpg(self.popen.pid, signal.SIGINT)
        return self.popen.wait(seconds)

    def end(self, first: int = signal.SIGTERM) -> None:
        """End the whole family, whatever happened."""
        if self.popen.poll() is None:
            self.popen.send_signal(first)
            try:
                self.popen.wait(15)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
        for pid in self.family():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


def where_it_is(process: Process) -> str:
    """Say how a process has ended, or of a worker that has not, where its main thread is: SIGUSR1 makes it tell."""
    if (code := process.popen.poll()) is not None:
        return f"has ended with {code}"
    if " worker " not in _command(process.popen.pid):
        return "lives"
    before = len(process.text)
    process.popen.send_signal(signal.SIGUSR1)
    deadline = time.monotonic() + 3
    while "MainThread" not in (said := process.text[before:]) and time.monotonic() < deadline:
        time.sleep(0.1)
    _, _, stack = said.partition("MainThread")
    frames = re.findall(r'File ".*?([^/"]+/[^/"]+)", line (\d+), in (\w+)', stack.partition("LOCAL VARIABLES")[0])
    places = [f"{file}:{line} {name}" for file, line, name in frames if name not in ("cry_handler", "cry")]
    return f"is in {' > '.join(places[-10:]) or 'C code, and tells nothing'}"


def _processes() -> list[int]:
    return [int(folder.name) for folder in PROC.glob("[0-9]*")]


def _read(pid: int, name: str) -> str:
    """Read a file about a process, with spaces for its zeros; nothing when it has ended or is somebody else's."""
    try:
        return (PROC / str(pid) / name).read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _status(pid: int) -> list[str]:
    """Return the fields of its status line after its name: state, parent and so on."""
    return _read(pid, "stat").rpartition(")")[2].split()


def _born(pid: int) -> int:
    """Return when it started. A process id may come again, but not with the same time."""
    fields = _status(pid)
    return int(fields[19]) if fields else 0


def _command(pid: int) -> str:
    return _read(pid, "cmdline")
