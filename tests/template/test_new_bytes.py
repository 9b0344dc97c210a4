"""Test that `djcelery new`, plain cookiecutter and cruft give the same bytes for the same answers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEMPLATE = ("cookiecutter.json", "hooks", "lib/djcelery_jobs", "{{cookiecutter.project_slug}}")
ANSWERS = [
    {"project_slug": "shop", "author": "", "email": ""},
    {
        "project_slug": "a" * 40, "broker": "rabbitmq", "results": "django", "schedule": "database", "sentry": False,
        "ci": "gitlab", "description": "It's Zoë's 東京 shop, 100 % #1 😀", "author": "Zoë O'Brien",
        "email": "zoe@example.org",
    },
]  # fmt: skip


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Return what this working tree would publish, committed to a repository of its own."""
    home = tmp_path_factory.mktemp("repository")
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", *TEMPLATE],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for name in listed:
        if (ROOT / name).exists():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, home / name, follow_symlinks=False)
    git = ["git", "-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "commit.gpgSign=false"]
    for words in (["init", "-q"], ["add", "-Af"], ["commit", "-qm", "Template"]):
        subprocess.run([*git, *words], cwd=home, check=True)
    return home


@pytest.fixture
def home(tmp_path):
    """Return a HOME whose cookiecutter configuration would change every answer."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / ".cookiecutterrc").write_text("default_context: {broker: rabbitmq, author: Mallory, ci: none}\n")
    return folder


def flags(answers):
    for key, value in answers.items():
        if isinstance(value, bool):
            yield f"--{key}" if value else f"--no-{key}"
        elif key != "project_slug":
            yield f"--{key}={value}"


def files(folder):
    """Return every file's bytes and whether it can be run, by path."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), bool(path.stat().st_mode & 0o100))
        for path in folder.rglob("*")
        if path.is_file() and path.name not in (".env", ".cruft.json")
    }


@pytest.fixture(params=ANSWERS, ids=["defaults", "everything else"])
def ours(request, djcelery, tmp_path, home):
    """Return some answers, and the files that our command makes of them."""
    slug = request.param["project_slug"]
    done = djcelery("new", f"ours/{slug}", "--no-git", *flags(request.param), env={"HOME": str(home)})
    assert done.returncode == 0, done.stderr
    return request.param, files(tmp_path / "ours" / slug)


def plain(command, answers, tmp_path, home):
    words = [f"{key}={value}" for key, value in answers.items()]
    env = {**os.environ, "HOME": str(tmp_path)}
    bin_folder = Path(sys.executable).parent
    (tmp_path / "plain").mkdir()
    subprocess.run([bin_folder / command[0], *command[1:], *words], cwd=tmp_path / "plain", env=env, check=True)
    return files(tmp_path / "plain" / answers["project_slug"])


def test_plain_cookiecutter(template, ours, tmp_path, home):
    answers, expected = ours
    made = plain(["cookiecutter", "--no-input", "--default-config", str(template)], answers, tmp_path, home)
    assert made == expected


def test_cruft(template, ours, tmp_path):
    answers, expected = ours
    extra = tmp_path / "extra.json"
    extra.write_text(json.dumps(answers))
    command = ["cruft", "create", "--no-input", "--default-config", "--extra-context-file", str(extra), str(template)]
    (tmp_path / "plain").mkdir()
    subprocess.run(
        [Path(sys.executable).parent / command[0], *command[1:]],
        cwd=tmp_path / "plain", env={**os.environ, "HOME": str(tmp_path)}, check=True,
    )  # fmt: skip
    assert files(tmp_path / "plain" / answers["project_slug"]) == expected


def test_plain_cookiecutter_refuses_bad_answers_and_leaves_nothing(template, tmp_path):
    place = tmp_path / "place"
    place.mkdir()
    for slug in ("class", "my-shop", "orders"):
        command = [Path(sys.executable).parent / "cookiecutter", "--no-input", "--default-config", str(template)]
        done = subprocess.run(
            [*command, f"project_slug={slug}"],
            cwd=place, env={**os.environ, "HOME": str(tmp_path)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode != 0
        assert f'Error: "{slug}" is' in done.stderr
        assert list(place.iterdir()) == []
