"""Run a generated project in an environment of its own, with another Django and with other people's packages."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.live.harness.environment import COUNTERS, Environment
from tests.live.harness.project import SHORT, Policy, make_project
from tests.live.harness.servers import running_broker, running_database
from tests.projects import PRODUCTION, Project


@contextmanager
def running_site(
    executable: str,
    broker: str,
    packages: Sequence[str],
    prepare: Callable[[Project], None],
    *,
    policy: Policy = SHORT,
    settings: str = "shop.settings.production",
) -> Iterator[Environment]:
    """Run servers, and make a project on them with these packages installed. Nothing of it is left afterwards.

    prepare: changes the project before its first command.
    """
    with (
        running_broker(broker) as queue,
        running_database("postgres") as store,
        tempfile.TemporaryDirectory(prefix="djcelery-live-") as name,
    ):
        folder = Path(name)
        python = folder / "venv" / "bin" / "python"
        project = Project(make_project(folder, broker, policy=policy).path, python)
        prepare(project)
        needed = tomllib.loads((project.path / "pyproject.toml").read_text())["project"]["dependencies"]
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "-q", "-p", executable, folder / "venv"], check=True)
        wanted = [*needed, *packages, "psycopg[binary]>=3.2"]
        subprocess.run([*uv, "pip", "install", "-q", "-p", folder / "venv", *wanted], check=True)
        known = {
            **PRODUCTION,
            "DJANGO_SETTINGS_MODULE": settings,
            "DJANGO_ALLOWED_HOSTS": "127.0.0.1",
            "DJANGO_SECURE_SSL_REDIRECT": "false",
            "EMAIL_URL": "dummymail://",
            "DATABASE_URL": store.url,
            **queue.variables,
        }
        environment = Environment(f"{broker} and postgres", project, queue, store, known, folder)
        environment.manage("migrate", "--run-syncdb", "-v", "0")
        store.run(COUNTERS)
        try:
            yield environment
        finally:
            environment.supervisor.stop()
            environment.end_processes()
