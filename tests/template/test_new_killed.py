"""Test that stopped at any moment, the command leaves the whole project or nothing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

# Runs that are stopped: a few each time, many in CI.
TIMES = [12, pytest.param(54, marks=pytest.mark.matrix)]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(folder, stop_after=None, number=None):
    """Run the command in an empty folder, stopped after so many seconds. Returns its exit code and what it said."""
    for name in ("work", "tmp"):
        (folder / name).mkdir(parents=True)
    env = {**os.environ, "TMPDIR": str(folder / "tmp")}
    process = subprocess.Popen(
        [sys.executable, "-m", "djcelery", "new", "deep/shop", "--yes"], cwd=folder / "work", env=env,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, text=True,
    )  # fmt: skip
    if stop_after is not None:
        time.sleep(stop_after)
        process.send_signal(number)
    _, said = process.communicate(timeout=60)
    return process.returncode, said


def content(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if ".git" not in path.parts}


@pytest.mark.parametrize("times", TIMES)
def test_whole_or_nothing(tmp_path, times):
    start = time.monotonic()
    assert run(tmp_path / "whole")[0] == 0
    long = time.monotonic() - start
    whole = content(tmp_path / "whole/work/deep/shop")
    dice = random.Random(2)  # noqa: S311
    plans = [(index, dice.uniform(0.05, long * 1.3), SIGNALS[index % 3]) for index in range(times)]
    plans.append((times, long * 20, signal.SIGINT))  # on a busy machine too, this one comes to its end

    def once(plan):
        index, delay, number = plan
        folder = tmp_path / str(index)
        code, said = run(folder, delay, number)
        left = sorted(path.name for path in (folder / "work").iterdir())
        if left:
            assert left == ["deep"], plan
            assert sorted(path.name for path in (folder / "work/deep").iterdir()) == ["shop"], plan
            assert content(folder / "work/deep/shop") == whole, plan
        assert list((folder / "tmp").iterdir()) == [], plan
        return code, bool(left), said

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(once, plans))
    stopped = [code for code, left, _ in outcomes if not left and code > 128]
    assert len(stopped) >= times // 6, "too few runs were stopped while they worked"
    assert set(stopped) == {128 + number for number in SIGNALS}
    assert any(left for _, left, _ in outcomes), "no run came to its end"
    assert all(left for code, left, _ in outcomes if code == 0)
