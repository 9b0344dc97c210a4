"""The processes of a project under supervision, as a server runs them: whichever dies is started again."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from processes import PROC, Process, eventually

RESTART = 0.5  # seconds until a dead process is started again


class Member:
    """One place in the crew, and the process that fills it now."""

    def __init__(self, name: str, start: Callable[[Path], Process], folder: Path, ready: str) -> None:
        self.name, self._start, self._folder, self._ready = name, start, folder, ready
        self.times = 0
        self.process: Process | None = None

    def start(self) -> None:
        self.times += 1
        self.process = self._start(self._folder / f"{self.name}-{self.times}.log")

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.popen.poll() is None

    @property
    def ready(self) -> bool:
        return self.process is not None and self.alive and self._ready in self.process.text

    @property
    def pid(self) -> int:
        assert self.process
        return self.process.popen.pid

    def children(self) -> list[int]:
        with suppress(OSError):
            return [int(pid) for pid in (PROC / f"{self.pid}/task/{self.pid}/children").read_text().split()]
        return []


class Crew:
    """Starts its members, and each again when it has ended, until it is dismissed."""

    def __init__(self) -> None:
        self.members: list[Member] = []
        self._ended: list[Process] = []
        self._told: set[int] = set()
        self._dismissed = threading.Event()
        self._thread = threading.Thread(target=self._supervise, daemon=True)

    @property
    def restarts(self) -> int:
        return sum(member.times - 1 for member in self.members)

    def hire(self, members: Sequence[Member]) -> None:
        for member in members:
            member.start()
            self.members.append(member)
        if not self._thread.is_alive():
            self._thread.start()

    def lose(self, members: Sequence[Member]) -> None:
        """These are not started again: their host is gone."""
        self.members = [member for member in self.members if member not in members]
        self._ended += [member.process for member in members if member.process]

    def dismiss(self) -> None:
        self._dismissed.set()
        if self._thread.is_alive():
            self._thread.join()
        # Also what a killed process has left behind: its children are not ours to lose.
        for process in [*self._ended, *(member.process for member in self.members)]:
            if process:
                process.end(signal.SIGKILL)

    def all_ready(self, seconds: float = 90) -> None:
        eventually("the crew is ready", lambda: all(member.ready for member in self.members), seconds)

    # -- harm --------------------------------------------------------------------------------------------------------

    def kill_child(self, chance: random.Random) -> None:
        """kill -9 of one process of a worker's pool."""
        children = eventually("a child", lambda: [pid for worker in self._workers() for pid in worker.children()])
        _send(chance.choice(children), signal.SIGKILL)

    def kill_worker(self, chance: random.Random, *, whole: bool = True) -> None:
        """kill -9 of a worker: with all of its children as a container's end, or its parent only as the OOM killer."""
        worker = chance.choice(eventually("a worker", self._workers))
        if whole:
            os.killpg(worker.pid, signal.SIGKILL)
        else:
            _send(worker.pid, signal.SIGKILL)

    def kill_children(self, name: str) -> None:
        """kill -9 of all processes of a worker's pool, which learns of all of them at one moment."""
        [worker] = [member for member in self.members if member.name == name]
        killed = set(worker.children())
        _send(worker.pid, signal.SIGSTOP)
        for pid in killed:
            _send(pid, signal.SIGKILL)
        _send(worker.pid, signal.SIGCONT)
        eventually("other children", lambda: len(set(worker.children()) - killed) >= len(killed))

    def kill_beat(self) -> None:
        for member in self.members:
            if member.name == "beat" and member.alive:
                _send(member.pid, signal.SIGKILL)

    def kill_all_workers(self) -> None:
        for worker in self._workers():
            os.killpg(worker.pid, signal.SIGKILL)

    def terminate_workers(self) -> None:
        """SIGTERM to all workers, as a deploy does it: to each process once."""
        for worker in self._workers():
            if worker.pid not in self._told:
                self._told.add(worker.pid)
                _send(worker.pid, signal.SIGTERM)

    def process(self, name: str) -> Process:
        """The process that fills this place now."""
        [process] = [member.process for member in self.members if member.name == name]
        assert process
        return process

    def replace(self, name: str) -> float:
        """SIGTERM to one. Returns the seconds until it had left; the next one is started then."""
        [member] = [member for member in self.members if member.name == name]
        assert member.process
        begun = time.monotonic()
        _send(member.pid, signal.SIGTERM)
        member.process.popen.wait(120)
        return time.monotonic() - begun

    def _workers(self) -> list[Member]:
        return [member for member in self.members if member.name.startswith("worker") and member.ready]

    def _supervise(self) -> None:
        while not self._dismissed.wait(0.1):
            for member in list(self.members):
                if not member.alive:
                    time.sleep(RESTART)
                    if member in self.members:
                        self._ended += [member.process] if member.process else []
                        member.start()


def _send(pid: int, which: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it was faster
        os.kill(pid, which)
