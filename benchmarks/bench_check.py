"""How long `djcelery check` takes, beside what bounds it.

The floor is `ast.parse` of every Python file of the tree in one process. Give a folder, or it uses the corpus of the
tests. Prints seconds and ratios: the median of some runs, each in a process of its own.

    python benchmarks/bench_check.py [FOLDER] [--project GENERATED_PROJECT]
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

FLOOR = """
import ast, pathlib, sys, warnings
warnings.simplefilter("ignore")
for path in pathlib.Path(sys.argv[1]).rglob("*.py"):
    try:
        ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError):
        pass
"""


def seconds(*words: str, runs: int) -> float:
    """The median time of a command."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def large(folder: Path, runs: int) -> None:
    """A large tree: floor, cold, warm, and warm after one file changed."""
    djcelery = (sys.executable, "-m", "djcelery", "check", str(folder))
    files = sum(1 for _ in folder.rglob("*.py"))
    floor = seconds(sys.executable, "-c", FLOOR, str(folder), runs=runs)
    cold = seconds(*djcelery, "--no-cache", runs=runs)
    shutil.rmtree(folder / ".djcelery_cache", ignore_errors=True)
    filling = seconds(*djcelery, runs=1)
    warm = seconds(*djcelery, runs=runs)
    print(f"{folder}: {files} Python files")
    print(f"  floor (ast.parse of all, one process)  {floor:7.2f} s   1.00")
    print(f"  djcelery check, no cache               {cold:7.2f} s   {cold / floor:.2f}   (wanted: 0.33)")
    print(f"  djcelery check, filling the cache      {filling:7.2f} s   {filling / floor:.2f}")
    print(f"  djcelery check, warm                   {warm:7.2f} s   {warm / floor:.2f}   (wanted: 0.10)")


def small(project: Path, runs: int) -> None:
    """A generated project, beside the help of the command."""
    help_text = seconds(sys.executable, "-m", "djcelery", "--help", runs=runs)
    check = (sys.executable, "-m", "djcelery", "check", str(project))
    cold = seconds(*check, "--no-cache", runs=runs)
    subprocess.run(check, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    warm = seconds(*check, runs=runs)
    print(f"{project}: a generated project")
    print(f"  djcelery --help                        {help_text:7.3f} s   1.00")
    print(f"  djcelery check, warm                   {warm:7.3f} s   {warm / help_text:.2f}   (wanted: 1.50)")
    print(f"  djcelery check, no cache               {cold:7.3f} s   {cold / help_text:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--project", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    wished = parser.parse_args()
    folder = wished.folder
    if folder is None and wished.project is None:
        sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "corpus"))
        import fetch

        fetch.everything()
        folder = fetch.home()
    if folder is not None:
        large(folder, wished.runs)
    if wished.project is not None:
        small(wished.project, wished.runs * 5)


if __name__ == "__main__":
    main()
