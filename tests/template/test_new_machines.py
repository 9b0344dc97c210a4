"""Test `djcelery new` on machines that are not like the one it was written on."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys

import pytest

ANSI = "\x1b"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def without(*gone):
    return {name: value for name, value in os.environ.items() if name not in gone}


@pytest.fixture
def place(tmp_path):
    """Return an empty folder to work in, and a temporary folder to leave nothing in."""
    for name in ("work", "tmp"):
        (tmp_path / name).mkdir()
    return tmp_path / "work"


@pytest.fixture
def new(place):
    """Run `djcelery new shop` there with exactly this environment."""

    def run(*words, env=None, **options):
        env = {**(without() if env is None else env), "TMPDIR": str(place.parent / "tmp")}
        done = subprocess.run(
            [sys.executable, "-m", "djcelery", "new", *words], cwd=place, env=env, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=60, **options,
        )  # fmt: skip
        assert names(place.parent / "tmp") == []
        assert ANSI not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


def test_without_a_home(new, place):
    done = new("shop", "--yes", env=without("HOME"))
    assert done.returncode == 0, done.stderr
    assert names(place) == ["shop"]


def test_with_a_home_that_cannot_be_written_or_read(new, place):
    assert new("shop", "--yes", env=without() | {"HOME": "/proc/1/nowhere"}).returncode == 0


def test_nothing_is_written_to_home(new, place, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / ".cookiecutterrc").write_text("default_context: {broker: rabbitmq}\nreplay_dir: /nowhere\n")
    done = new("shop", "--json", env=without("XDG_CONFIG_HOME") | {"HOME": str(home)})
    assert json.loads(done.stdout)["answers"]["broker"] == "redis"
    assert names(home) == [".cookiecutterrc"]


def test_without_git_and_without_a_path(new, place):
    done = new("shop", "--yes", env=without() | {"PATH": ""})
    assert done.returncode == 0
    assert "Note: git is not installed, so no repository was created." in done.stderr


@pytest.mark.parametrize("extra", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": "xterm-256color", "FORCE_COLOR": "1"}])
def test_no_escape_code_in_a_pipe(new, extra):
    assert new("--help", env=without() | extra).returncode == 0
    assert new("shop", "--dry-run", env=without() | extra).returncode == 0


def test_a_terminal_that_knows_only_ascii(new, place):
    env = without() | {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    done = new("shop", "--author", "Zoë", "--no-git", env=env)
    assert done.returncode == 0, done.stderr
    assert 'author = "Zoë"' in (place / "shop/.djcelery.toml").read_text(encoding="utf-8")


def test_a_dry_run_leaves_nothing_at_all(new, place):
    done = new("shop", "--dry-run")
    assert done.returncode == 0
    assert "shop/manage.py" in done.stdout.splitlines()
    assert names(place) == []


def test_a_full_disk_in_the_middle(new, place):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    done = new("deep/shop", "--yes", preexec_fn=limit)
    assert done.returncode == 1
    assert "The disk is full" in done.stderr
    assert names(place) == []


@pytest.mark.skipif(sys.platform == "win32", reason="another operating system: no /proc on Windows")
def test_a_place_that_nobody_can_write_to(new):
    where = "/proc" if os.path.isdir("/proc") else "/System"  # noqa: PTH112
    done = new("shop", "--yes", "--output-dir", where)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-2].startswith("Error: ")


def test_the_next_commands_parse_and_name_what_is_there(new, place):
    steps = json.loads(new("deep/er/shop", "--json").stdout)["next_steps"]
    script = "\n".join(step["run"] for step in steps)
    assert subprocess.run(["sh", "-n", "-c", script], check=False).returncode == 0
    assert steps[0]["run"] == "cd deep/er/shop"
    assert (place / "deep/er/shop/manage.py").exists()


def test_two_runs_give_the_same_bytes(new, place):
    new("one/shop", "--json")
    new("two/shop", "--json", env=without() | {"PYTHONHASHSEED": "7", "LC_ALL": "C", "TZ": "Asia/Tokyo"})
    records = [(place / name / "shop/.djcelery.toml").read_bytes() for name in ("one", "two")]
    assert records[0] == records[1]
