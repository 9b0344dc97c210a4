"""Start a worker on a broker and look at what it does."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.live.harness.processes import eventually, whole_lines

ROOT = Path(__file__).parents[2]
CELERY = ("-m", "celery", "-A", "tests.lib.live_worker.celery")


@dataclass
class Place:
    """Hold a folder, a database and a broker. Processes that are started here end with the block."""

    folder: Path
    broker: str
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.lib.live_worker.settings",
            "LIVE_BROKER": self.broker,
            "LIVE_DATABASE": str(self.folder / "database.sqlite3"),
            "LIVE_FOLDER": str(self.folder),
            "PYTHONPATH": str(ROOT),
        }

    def run(self, *arguments: str) -> str:
        """Run Python and return what it prints."""
        command = [sys.executable, *arguments]
        done = subprocess.run(command, env=self.environment, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def shell(self, code: str) -> Any:
        """Run code in the project; return what it printed last, as JSON."""
        output = self.run("-m", "django", "shell", "-v0", "-c", code)
        return json.loads(output.splitlines()[-1]) if output.strip() else None

    def worker(self, *arguments: str, name: str = "worker@%h") -> subprocess.Popen[bytes]:
        """Start a worker of the class fast and wait until it is ready."""
        log = self.folder / f"worker-{len(self.processes)}.log"
        options = ("-Q", "fast", "-n", name, "-l", "INFO", "--without-gossip", "--without-mingle", *arguments)
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, *CELERY, "worker", *options],
                env=self.environment | {"REMAP_SIGTERM": "SIGQUIT"},
                cwd=ROOT,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        self.processes.append(process)
        eventually("the worker is ready", lambda: " ready." in log.read_text("utf-8", "replace"), 90)
        return process

    def log(self, number: int = 0) -> str:
        """Return what a worker wrote."""
        return (self.folder / f"worker-{number}.log").read_text("utf-8", "replace")

    def lines(self, beginning: str = "") -> list[str]:
        """Return what the tasks wrote down."""
        return [line for line in whole_lines(self.folder / "lines") if line.startswith(beginning)]


@contextmanager
def place_at(broker: str, folder: Path) -> Iterator[Place]:
    """Make a place with an empty database, and end its processes afterwards."""
    place = Place(folder, broker)
    place.run("-m", "django", "migrate", "-v0")
    try:
        yield place
    finally:
        for process in place.processes:
            process.kill()
            process.wait()
