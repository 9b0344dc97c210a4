"""Measure how long `djcelery check` takes, beside what bounds it.

The floor is `ast.parse` of every Python file of the tree in one process. Give a folder, or it uses the corpus of the
tests. Prints seconds and ratios: the median of some runs, each in a process of its own.

    python -m benchmarks.bench_check [FOLDER] [--project GENERATED_PROJECT]
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.measuring import save

RUNS = 3
TOUCHED_AT_MOST = 0.2  # of the time without a cache
FLOOR = """
import ast, pathlib, sys, warnings
warnings.simplefilter("ignore")
for path in pathlib.Path(sys.argv[1]).rglob("*.py"):
    try:
        ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError):
        pass
"""


class Time(NamedTuple):
    """Hold seconds on the clock, and seconds of all cores together."""

    wall: float
    cpu: float

    def beside(self, floor: Time, wanted: str = "") -> str:
        """Return it in words, beside what bounds it."""
        ratios = f"{self.wall / floor.wall:5.2f} of the floor, {self.cpu / floor.cpu:5.2f} of its CPU"
        return f"{self.wall:7.2f} s, {self.cpu:6.2f} s CPU: {ratios}{wanted and f' (wanted: {wanted})'}"


def measured(*words: str, runs: int) -> Time:
    """Return the median time of a command."""
    return _median([once(*words) for _ in range(runs)])


def _median(times: list[Time]) -> Time:
    return Time(statistics.median(each.wall for each in times), statistics.median(each.cpu for each in times))


def once(*words: str) -> Time:
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Time(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def large(folder: Path, runs: int) -> dict[str, Time]:
    """Measure a large tree: floor, cold, warm, and after one file was touched."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed djcelery has bytecode
    djcelery = (sys.executable, "-m", "djcelery", "check", str(folder))
    files = sum(1 for _ in folder.rglob("*.py"))
    floor = measured(sys.executable, "-c", FLOOR, str(folder), runs=runs)
    cold = measured(*djcelery, "--no-cache", runs=runs)
    with tempfile.TemporaryDirectory() as cache:
        os.environ["DJCELERY_CACHE_DIR"] = cache
        filling = measured(*djcelery, runs=1)
        warm = measured(*djcelery, runs=runs)
        file = next(path for path in sorted(folder.rglob("tasks.py")) if path.is_file())
        touched = _median([_after_writing(file, file.read_bytes(), *djcelery) for _ in range(runs)])
        edited = _median([_after_writing(file, _edited(file, number), *djcelery) for number in range(runs)])
    print(f"{folder}: {files} Python files")
    print(f"  floor (ast.parse of all, one process)  {floor.beside(floor)}")
    print(f"  djcelery check, no cache               {cold.beside(floor, '0.33')}")
    print(f"  djcelery check, filling the cache      {filling.beside(floor)}")
    print(f"  djcelery check, warm                   {warm.beside(floor, '0.10')}")
    print(f"  djcelery check, one file touched       {touched.beside(floor)}")
    print(f"  djcelery check, one file edited        {edited.beside(floor)}")
    for name, changed in {"touched": touched, "edited": edited}.items():
        ratios = f"{changed.wall / cold.wall:7.2f}, {changed.cpu / cold.cpu:.2f} of its CPU"
        print(f"  one file {name:7}, to no cache          {ratios} (wanted: {TOUCHED_AT_MOST})")
    times = {"floor": floor, "no cache": cold, "filling the cache": filling, "warm": warm}
    return {**times, "one file touched": touched, "one file edited": edited}


def _edited(file: Path, number: int) -> bytes:
    """Return the text of a file with lines above that move all others, and one more task; each number another one."""
    task = f"\n\nfrom celery import shared_task\n\n\n@shared_task\ndef added_{number}(pk): ...\n"
    return b"# added\n" * (number + 1) + file.read_bytes() + task.encode()


def _after_writing(file: Path, data: bytes, *words: str) -> Time:
    """Measure a run after a file has been saved, and put it back as it was."""
    state, before = file.stat(), file.read_bytes()
    try:
        file.write_bytes(data)
        return once(*words)
    finally:
        file.write_bytes(before)
        os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))


def small(project: Path, runs: int) -> dict[str, Time]:
    """Measure a generated project, beside the help of the command."""
    help_text = measured(sys.executable, "-m", "djcelery", "--help", runs=runs)
    check = (sys.executable, "-m", "djcelery", "check", str(project))
    cold = measured(*check, "--no-cache", runs=runs)
    subprocess.run(check, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    warm = measured(*check, runs=runs)
    print(f"{project}: a generated project")
    print(f"  djcelery --help (the floor)            {help_text.beside(help_text)}")
    print(f"  djcelery check, warm                   {warm.beside(help_text, '1.50')}")
    print(f"  djcelery check, no cache               {cold.beside(help_text)}")
    return {"help": help_text, "warm": warm, "no cache": cold}


def _seconds(times: dict[str, Time]) -> dict[str, dict[str, float]]:
    return {name: time._asdict() for name, time in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--project", type=Path)
    parser.add_argument("--runs", type=int, default=RUNS)
    options = parser.parse_args()
    folder = options.folder
    if folder is None and options.project is None:
        from tests.corpus import fetch

        fetch.everything()
        folder = fetch.home()
    if folder is not None:
        save("check-corpus", _seconds(large(folder, options.runs)), full=options.folder is None)
    if options.project is not None:
        save("check-project", _seconds(small(options.project, options.runs * 5)), full=options.runs >= RUNS)


if __name__ == "__main__":
    main()
