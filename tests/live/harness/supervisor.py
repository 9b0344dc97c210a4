"""Supervise the processes of a project as a server does: whichever dies is started again."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from tests.live.harness.processes import PROC, Process, eventually

RESTART = 0.5  # seconds until a dead process is started again


class Service:
    """Name a process that is kept running, and hold the one that runs now."""

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


class Supervisor:
    """Start services, and each again when it has ended, until the supervisor is stopped."""

    def __init__(self) -> None:
        self.services: list[Service] = []
        self._ended: list[Process] = []
        self._terminated: set[int] = set()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._supervise, daemon=True)

    @property
    def restarts(self) -> int:
        return sum(service.times - 1 for service in self.services)

    def add(self, services: Sequence[Service]) -> None:
        for service in services:
            service.start()
            self.services.append(service)
        if not self._thread.is_alive():
            self._thread.start()

    def remove(self, services: Sequence[Service]) -> None:
        """Start these no more: their host is gone."""
        self.services = [service for service in self.services if service not in services]
        self._ended += [service.process for service in services if service.process]

    def end(self, services: Sequence[Service]) -> None:
        """End these, and start them no more."""
        self.remove(services)
        for service in services:
            if service.process:
                service.process.end()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()
        # Also the children that a killed process has left behind.
        for process in [*self._ended, *(service.process for service in self.services)]:
            if process:
                process.end(signal.SIGKILL)

    def all_ready(self, seconds: float = 90) -> None:
        eventually("all services are ready", lambda: all(service.ready for service in self.services), seconds)

    # -- harm --------------------------------------------------------------------------------------------------------

    def kill_child(self, rng: random.Random) -> None:
        """Kill one process of a worker's pool with SIGKILL."""
        children = eventually("a child", lambda: [pid for worker in self._workers() for pid in worker.children()])
        _send(rng.choice(children), signal.SIGKILL)

    def kill_worker(self, rng: random.Random, *, whole: bool = True) -> None:
        """Kill a worker with SIGKILL: with its children as a container ends, or alone as the OOM killer does."""
        worker = rng.choice(eventually("a worker", self._workers))
        if whole:
            os.killpg(worker.pid, signal.SIGKILL)
        else:
            _send(worker.pid, signal.SIGKILL)

    def kill_children(self, name: str) -> None:
        """Kill all processes of a worker's pool with SIGKILL, in a way that it learns of all at one moment."""
        [worker] = [service for service in self.services if service.name == name]
        killed = set(worker.children())
        _send(worker.pid, signal.SIGSTOP)
        for pid in killed:
            _send(pid, signal.SIGKILL)
        _send(worker.pid, signal.SIGCONT)
        eventually("other children", lambda: len(set(worker.children()) - killed) >= len(killed))

    def kill_beat(self) -> None:
        for service in self.services:
            if service.name == "beat" and service.alive:
                _send(service.pid, signal.SIGKILL)

    def kill_all_workers(self) -> None:
        for worker in self._workers():
            os.killpg(worker.pid, signal.SIGKILL)

    def terminate_workers(self) -> None:
        """Send SIGTERM to all workers as a deploy does: to each process once."""
        for worker in self._workers():
            if worker.pid not in self._terminated:
                self._terminated.add(worker.pid)
                _send(worker.pid, signal.SIGTERM)

    def process(self, name: str) -> Process:
        """Return the process of this service that runs now."""
        [process] = [service.process for service in self.services if service.name == name]
        assert process
        return process

    def replace(self, name: str) -> float:
        """Send SIGTERM to one. Returns the seconds until it had left; the next one is started then."""
        [service] = [service for service in self.services if service.name == name]
        assert service.process
        begun = time.monotonic()
        _send(service.pid, signal.SIGTERM)
        service.process.popen.wait(120)
        return time.monotonic() - begun

    def _workers(self) -> list[Service]:
        return [service for service in self.services if service.name.startswith("worker") and service.ready]

    def _supervise(self) -> None:
        while not self._stopped.wait(0.1):
            for service in list(self.services):
                if not service.alive:
                    time.sleep(RESTART)
                    if service in self.services:
                        self._ended += [service.process] if service.process else []
                        service.start()


def _send(pid: int, which: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it was faster
        os.kill(pid, which)
