"""Print a traceback once that several processes print, such as all those of `manage.py dev` after one wrong edit."""

import time
from collections.abc import Callable

START = "Traceback (most recent call last):"
STOPPED = "KeyboardInterrupt"  # a process that was told to end, for example because the code has changed
REPEATED_WITHIN = 15  # seconds


class TracebackFilter:
    """Take the lines of several processes, and return those to print: of a traceback, all at once or one line."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held: dict[str, list[str]] = {}  # the lines so far of the traceback that a process is printing
        self._printed: dict[tuple[str, str], float] = {}  # when, by the last frame and the error

    def feed(self, process: str, line: str) -> list[str]:
        """Return what to print when a process has printed this line."""
        held = self._held.get(process)
        if held is None:
            if line.startswith(START):
                self._held[process] = [line]
                return []
            return [line]
        if not line.strip():
            return []
        held.append(line)
        return [] if line[0].isspace() else self._finish(self._held.pop(process))

    def flush(self, process: str) -> list[str]:
        """Return the lines of a traceback whose process ended before the traceback did."""
        return self._held.pop(process, [])

    def _finish(self, lines: list[str]) -> list[str]:
        error = lines[-1].strip()
        if error == STOPPED:
            return []
        frame = next((line.strip() for line in reversed(lines) if line.lstrip().startswith("File ")), "")
        before, now = self._printed.get((frame, error)), self._clock()
        self._printed[frame, error] = now
        if before is not None and now - before < REPEATED_WITHIN:
            return [f"{error} (as above)"]
        return lines
