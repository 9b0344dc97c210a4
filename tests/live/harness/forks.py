"""Call manage.py of a project many times, without the second that Python takes each time to load it.

A process loads Django and the project once, and forks for each call. So a call finds what a process of its own would:
no thread and no connection that somebody else uses, manage.py from its first line, and the end of Python after its
last. What it prints and how it ended comes back over a socket. Standard library only: the project's Python runs it.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

LIBRARY = "djcelery_jobs"  # which nobody changes in a project


class Forks:
    """Keep the process that forks, and start another when the project or its environment has changed."""

    def __init__(self, project: Path, python: Path, folder: Path) -> None:
        self.project, self.python, self.folder = project, python, folder
        self.process: subprocess.Popen[bytes] | None = None
        self.loaded: object = None  # what it has loaded
        self.changing = threading.Lock()

    def manage(self, words: tuple[str, ...], variables: Mapping[str, str], timeout: float = 300) -> str:
        """Run `manage.py WORDS` and return what it printed. Fails, and shows that, unless it exits with 0."""
        with self.changing:
            address = self._address(variables)
        with socket.socket(socket.AF_UNIX) as call:
            call.settimeout(timeout)
            call.connect(str(address))
            call.sendall(json.dumps(words).encode())
            call.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: call.recv(65536), b""))
        printed, _, code = answer.decode(errors="replace").rpartition("\0")
        assert code == "0", f"exit {code} of manage.py {' '.join(words)}\n{printed}"
        return printed

    def end(self) -> None:
        if self.process and self.process.stdin:
            self.process.stdin.close()  # which it waits for
            self.process.wait(30)
            self.process = None

    def _address(self, variables: Mapping[str, str]) -> Path:
        """Return the socket of a process that has loaded what is there now."""
        address, now = self.folder / "forks.sock", (dict(variables), self._files())
        if now != self.loaded or not self.process or self.process.poll() is not None:
            self.end()
            address.unlink(missing_ok=True)
            with (self.folder / "forks.log").open("ab") as log:
                streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": log}
                command = [self.python, __file__, address]
                self.process = subprocess.Popen(command, cwd=self.project, env=dict(variables), **streams)
            assert self.process.stdout
            with self.process.stdout as line:
                assert line.readline() == b"ready\n", (self.folder / "forks.log").read_text()
            self.loaded = now
        return address

    def _files(self) -> dict[Path, int]:
        """Return when each file was changed that a start of the project reads."""
        folders = [path for path in self.project.iterdir() if path.is_dir() and path.name != LIBRARY]
        files = [*self.project.glob("*.py"), *(file for folder in folders for file in folder.rglob("*.py"))]
        return {file: file.stat().st_mtime_ns for file in [*files, self.project / ".env"] if file.exists()}


def serve(address: str) -> None:
    """Load the project, and fork for each call until nobody is there to call any more."""
    sys.path[0] = os.getcwd()  # noqa: PTH109  as a string, as Python itself puts it there
    run_manage("shell", "-v0", "-c", "pass")  # loads Django with the settings that manage.py names
    from celery import current_app
    from django.db import connections

    current_app.loader.import_default_modules()
    current_app.connection_for_write().transport.driver_version()  # imports what talks to the broker
    gc.freeze()  # or the first collection in a fork would copy all of the memory
    assert not [each for each in connections.all(initialized_only=True) if each.connection], "it would be shared"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        os.write(1, b"ready\n")
        while listening in select.select([listening, 0], [], [])[0]:
            call, _ = listening.accept()
            if not os.fork():
                listening.close()
                answer(call)
            call.close()
            _forget_the_ended()


def answer(call: socket.socket) -> None:
    """Run one call in a process of its own, and say how that ended."""
    words = json.loads(b"".join(iter(lambda: call.recv(65536), b"")))
    if child := os.fork():
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        call.sendall(f"\0{code}".encode())
        os._exit(0)
    for stream in (1, 2):
        os.dup2(call.fileno(), stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    call.close()
    run_manage(*words)
    sys.exit()


def run_manage(*words: str) -> None:
    sys.argv = ["manage.py", *words]
    runpy.run_path("manage.py", run_name="__main__")


def _forget_the_ended() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue
    except ChildProcessError:  # there is none
        return


if __name__ == "__main__":
    serve(sys.argv[1])
