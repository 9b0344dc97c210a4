"""Measure how long `djcelery` takes, compared with the alternatives: python -m benchmarks.bench_new [RUNS]

Each round runs every command once, so that a busy machine is unfair to none of them; the figures are medians.
Every command finds its modules compiled, as after a normal installation. Also measure a new project's own tests.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measuring import save
from djcelery import template

FULL = 9  # rounds
ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
# What cookiecutter itself takes for the same files: without our command, and without the hook that validates them.
GENERATE = """
import json, sys, click
from cookiecutter.generate import generate_files
generate_files(sys.argv[1], {"cookiecutter": json.loads(sys.argv[2])}, accept_hooks=False)
"""
CONTEXT = json.dumps(template.context_of({"project_slug": "shop"}))
COMMANDS = {
    "import click": [sys.executable, "-c", "import click"],
    "djcelery --help": [str(BIN / "djcelery"), "--help"],
    "djcelery new": [str(BIN / "djcelery"), "new", "shop", "--no-input", "--no-git"],
    "generate_files alone": [sys.executable, "-c", GENERATE, str(ROOT), CONTEXT],
    "cookiecutter": [str(BIN / "cookiecutter"), "--no-input", "--default-config", str(ROOT), "project_slug=shop"],
    "django-admin startproject": [str(BIN / "django-admin"), "startproject", "shop"],
}
# What is compared, with what, and the ratio that it may have at most.
RATIOS = [
    ("djcelery --help", "import click", 1.5),
    ("djcelery new", "cookiecutter", 0.6),
    ("djcelery new", "django-admin startproject", 1.2),
]

OWN_TESTS = 8  # seconds that the tests of a new project may take


def seconds(command: list[str], cache: Path, projects: Path) -> tuple[float, int]:
    """Run a command in an empty folder. Return how long it took and how many files it wrote.

    The folder stays in `projects` until the end. After files were deleted, ext4 takes up to ten times as long to
    create others, for as long as it does not reuse their inodes. A user who creates one project never sees that.
    """
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    folder = tempfile.mkdtemp(dir=projects)
    start = time.perf_counter()
    subprocess.run(
        command, cwd=folder, check=True, capture_output=True,
        env=env | {"PYTHONPYCACHEPREFIX": str(cache), "HOME": str(cache)},
    )  # fmt: skip
    return time.perf_counter() - start, sum(path.is_file() for path in Path(folder).rglob("*"))


def measure(rounds: int) -> tuple[dict[str, float], dict[str, int]]:
    """Return the median seconds and the files written of every command."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    files: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as cache, tempfile.TemporaryDirectory() as projects:
        for number in range(rounds + 1):
            for name, command in COMMANDS.items():
                taken, files[name] = seconds(command, Path(cache), Path(projects))
                if number:  # the first round compiles
                    times[name].append(taken)
    return {name: statistics.median(taken) for name, taken in times.items()}, files


def own_tests(rounds: int) -> float:
    """Return the median seconds of processor time that the tests of a new project take, which run in one process."""
    times = []
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(COMMANDS["djcelery new"], cwd=folder, check=True, capture_output=True)
        for number in range(rounds + 1):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            command = [sys.executable, "-m", "pytest", "-q"]
            subprocess.run(command, cwd=f"{folder}/shop", check=True, capture_output=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            if number:  # the first round compiles
                times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(times)


def main(rounds: int) -> int:
    """Print the tables. Return 1 if a figure is over its bound."""
    medians, files = measure(rounds)
    tests = own_tests(rounds)
    print(f"{'command':28}{'median s':>9}{'files':>7}   ({rounds} interleaved runs)")
    for name, median in medians.items():
        print(f"{name:28}{median:9.3f}{files[name]:7}")
    missed = 0
    save("new", {"seconds": medians, "files": files, "own tests": tests}, full=rounds >= FULL)
    print(f"\n{'ratio':60}{'is':>6}{'at most':>9}")
    for name, other, bound in RATIOS:
        ratio = medians[name] / medians[other]
        missed += ratio > bound
        print(f"{name + ' / ' + other:60}{ratio:6.2f}{bound:9.2f}")
    missed += tests > OWN_TESTS
    print(f"{'own tests of a new project, seconds':60}{tests:6.2f}{OWN_TESTS:9.2f}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else FULL))
