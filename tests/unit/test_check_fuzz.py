"""Test whole repositories of odd and hostile files, drawn from a seed: the check ends in findings or in words."""

from __future__ import annotations

import json
import os
import random
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from djcelery import errors, main
from tests.unit.test_check_bounds import BOMB, CIRCLES, TASKS

NAMES = ["shop/tasks.py", "shop/settings.py", "a.py", "compose.yaml", "k/d.yml", "Procfile", "w.service", "s/u/b.py"]
TEXTS = [
    TASKS,
    BOMB,
    *CIRCLES.values(),
    "kind: Deployment\nspec: [1]\n#containers: celery",
    "services: &r {celery: [*r, *r], worker: {command: *r}}\n",
    "import celery\nx = " + "(" * 3000,
    "import celery\n" + "a." * 20_000 + "b\n",
    "worker: celery -A x worker " + "-Q a" * 5000,
    "",
    "celery\0",
]
# A FIFO and a socket block or fail whoever opens them; devices, which only root can make, never end.
SPECIAL = [os.mkfifo, lambda path: os.mknod(path, 0o600 | stat.S_IFSOCK)]
if not os.geteuid():
    SPECIAL += [lambda path: os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 5))]  # /dev/zero
    SPECIAL += [lambda path: os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 8))]  # /dev/random
LINKS = ["/", "/dev/zero", "..", ".", "shop", "a.py", "nowhere", "../outside/victim.py"]
TABLES = ["tool = 5\n", "[tool]\ndjcelery = 5\n", "[tool.djcelery]\n" + "a." * 2000 + "b = 1\n", "[tool.djcelery]\n"]


def make(root: Path, draw: random.Random) -> None:
    for name in draw.sample(NAMES, 5):
        path = root / name
        path.parent.mkdir(exist_ok=True, parents=True)
        kind = draw.random()
        if kind < 0.15:
            draw.choice(SPECIAL)(path)
        elif kind < 0.35:
            path.symlink_to(draw.choice(LINKS))
        else:
            path.write_text("# celery\n" + draw.choice(TEXTS))
    (root / "folder").symlink_to(draw.choice(LINKS))
    if draw.random() < 0.3:
        (root / "pyproject.toml").write_text(draw.choice(TABLES))


@pytest.mark.parametrize("seed", range(12))
def test_any_repository_ends_in_findings_or_in_words(tmp_path: Path, seed: int) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "victim.py").write_text(TASKS)
    root = tmp_path / "project"
    root.mkdir()
    make(root, random.Random(seed))  # noqa: S311 no secret
    words = ["check", str(root), "--format", "json", "--fix", "--no-cache", "--time-limit", "60"]
    result = CliRunner().invoke(main.cli, words, standalone_mode=False)
    if result.exit_code in {0, 1} and result.stdout:
        assert not [row for row in json.loads(result.stdout) if row["code"] == "DJC003" or "bug" in row["message"]]
    else:
        assert isinstance(result.exception, errors.CommandError), result.exception
    assert (tmp_path / "outside" / "victim.py").read_text() == TASKS
