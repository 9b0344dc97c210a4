"""Run the command in this process, against a template of a few files."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

import djcelery.commands.new  # noqa: F401 reads the real questions once, before a test replaces the template
from djcelery import main, repository, template

ROOT = Path(__file__).parents[2]
SLUG = "{{cookiecutter.project_slug}}"

# As small as a project can be and still pass the validation of the hooks.
FILES = {
    ".env.example": "DJANGO_SECRET_KEY=\nDEBUG=on\n",
    ".gitignore": ".env\n",
    ".github/workflows/ci.yml": "on: push\n",
    ".gitlab-ci.yml": "test: {script: pytest}\n",
    "README.md": "```\n{{ cookiecutter.__repeat }}\n```\n",
    "pyproject.toml": (
        '[project]\nname = "{{ cookiecutter.project_slug }}"\ndescription = "{{ cookiecutter.description }}"\n'
        'authors = [{ name = "{{ cookiecutter.author }}", email = "{{ cookiecutter.email }}" }]\n'
    ),
    "Procfile": "worker-fast: python manage.py worker fast\n",
    "compose.yaml": "services:\n  fast:\n    command: [python, manage.py, worker, fast]\n",
    "manage.py": 'SETTINGS = "{{ cookiecutter.project_slug }}.settings.base"\n',
    f"{SLUG}/settings/__init__.py": "",
    f"{SLUG}/settings/base.py": "",
    f"{SLUG}/settings/jobs.py": (
        'WORKLOADS = {"fast": 1}\n# {% if cookiecutter.example %}\n'
        'ROUTES = {"orders.tasks.reserve": "fast", "djcelery_jobs.tasks.prune": "fast"}\n'
        'CELERY_BEAT_SCHEDULE = {"nightly": {"task": "orders.tasks.reserve"}}\n'
        '# {% else %}\nROUTES = {"djcelery_jobs.tasks.prune": "fast"}\n# {% endif %}\n'
    ),
    "orders/tasks.py": "from celery import shared_task\n\n\n@shared_task\ndef reserve():\n    pass\n",
}


class Said(NamedTuple):
    """Hold what a run left: its exit code and its two streams."""

    code: int
    out: str
    err: str


@pytest.fixture
def small_template(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a template of a few files with the real questions and the real hooks, in place of the real one."""
    home = tmp_path_factory.mktemp("template")
    shutil.copy(ROOT / "cookiecutter.json", home)
    shutil.copytree(ROOT / "hooks", home / "hooks", ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in FILES.items():
        path = home / SLUG / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (home / SLUG / "manage.py").chmod(0o755)
    monkeypatch.setattr(template, "home", lambda: home)
    return home / SLUG


@pytest.fixture
def released(small_template: Path) -> None:
    """Make the small template one of a released version."""
    file = small_template.parent / "cookiecutter.json"
    questions = json.loads(file.read_text(encoding="utf-8"))
    questions |= {
        "_djcelery_version": "1.2.3",
        "_released": True,
        "_vendored": False,
        "_library_versions": ">=1.2,<1.3",
    }
    file.write_text(json.dumps(questions), encoding="utf-8")


@pytest.fixture
def cli(
    tmp_path: Path, small_template: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    """Run one command line in `tmp_path`, with a git that knows Jane."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(repository, "identity", lambda: {"author": "Jane Doe", "email": "jane@example.org"})

    def run(*words: str) -> Said:
        with pytest.raises(SystemExit) as left:
            main.main(words)
        streams = capsys.readouterr()
        return Said(int(left.value.code or 0), streams.out, streams.err)

    return run


@pytest.fixture
def git(tmp_path: Path) -> Callable[..., str]:
    def run(*words: str, cwd: Path = tmp_path) -> str:
        return subprocess.run(["git", *words], cwd=cwd, check=True, capture_output=True, text=True).stdout.strip()

    return run
