"""Tell what a process is doing, also on a machine without `ps`."""

from __future__ import annotations

import subprocess
from pathlib import Path

WAITS = "S"
ENDED = ("", "Z")  # gone, or not yet asked for its exit code


def state(pid: int) -> str:
    """Return the letter that `ps` gives it: S while it waits, R while it runs; empty when there is none."""
    if Path("/proc/self/stat").exists():
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return ""
    done = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return done.stdout.strip()[:1]
