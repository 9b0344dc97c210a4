"""Test the image, from its Dockerfile's own steps, and the services of compose.yaml that run in it.

There is no Docker here: engine.py says what stands in its place.
"""

from __future__ import annotations

import os
import re
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.live.containers.engine import Container, Engine, Image, missing
from tests.live.harness.browser import Browser
from tests.live.harness.processes import eventually
from tests.live.harness.servers import PostgreSQL, running_broker, running_database
from tests.ports import free_port
from tests.projects import Project, make

MEGABYTE = 2**20
SECRETS = {"DJANGO_SECRET_KEY": "k3J!fQz7" * 8, "POSTGRES_PASSWORD": "x", "BROKER_PASSWORD": "x"}
pytestmark = pytest.mark.skipif(bool(missing()), reason=f"containers need what is not here: {', '.join(missing())}")


@dataclass
class Stack:
    """Run the project under its compose.yaml."""

    project: Project
    image: Image
    services: dict[str, Any]
    running: dict[str, Container]
    browser: Browser
    database: PostgreSQL
    start: Callable[[str], Container]


CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return make(tmp_path_factory.mktemp("image"), "shop")


@pytest.fixture(scope="module")
def image(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    engine = Engine(tmp_path_factory.mktemp("layers"))
    try:
        project.run("-m", "uv", "--quiet", "lock")
        (project.path / ".env").write_text("DJANGO_SECRET_KEY=must-not-be-in-the-image\n")
        yield engine.build(project.path)
    finally:
        engine.end()


@pytest.fixture(scope="module")
def stack(project: Project, image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Start every service of compose.yaml but the two servers, which are of this machine."""
    volume = tmp_path_factory.mktemp("volume") / "media"
    volume.mkdir()
    os.chown(volume, *map(int, image.user.split(":")))
    port = free_port()  # 8000 may be taken on this machine
    compose = (project.path / "compose.yaml").read_text().replace("localhost:8000", f"localhost:{port}")
    services = yaml.safe_load(compose)["services"]
    with running_database("postgres") as database, running_broker("redis") as broker:
        servers = {"DATABASE_URL": database.url, **broker.variables, "PORT": str(port)}
        running: dict[str, Container] = {}

        def start(name: str) -> Container:
            env = substituted(services[name]["environment"], SECRETS) | servers
            running[name] = Container(image, name, services[name], env, volume)
            return running[name]

        try:
            migrate = start("migrate")
            assert migrate.process.popen.wait(60) == 0, migrate.process.text
            for name in services.keys() - {"database", "broker", "migrate"}:
                start(name)
            yield Stack(project, image, services, running, Browser(f"http://localhost:{port}"), database, start)
        finally:
            for container in running.values():
                container.kill()


def substituted(environment: dict[str, str], given: dict[str, str]) -> dict[str, str]:
    """Return what compose makes of ${NAME:-default} and ${NAME:?message}."""

    def value(match: re.Match[str]) -> str:
        name, kind, rest = match.groups()
        assert name in given or kind == "-", rest
        return given.get(name, rest)

    return {name: re.sub(r"\$\{(\w+):([-?])([^}]*)\}", value, text) for name, text in environment.items()}


def test_without_a_lock_no_image_is_built(project: Project, tmp_path: Path) -> None:
    other = make(tmp_path, "unlocked")
    engine = Engine(tmp_path / "layers")
    try:
        with pytest.raises(AssertionError, match="uv lock"):
            engine.build(other.path)
    finally:
        engine.end()


def test_every_service_becomes_healthy(stack: Stack) -> None:
    for name, container in stack.running.items():
        if name != "migrate":
            eventually(f"{name} healthy\n{container.process.text}", container.healthy, 60)


def test_an_order_runs_through_all_of_them(stack: Stack) -> None:
    eventually("web", stack.running["web"].healthy, 60)
    stack.running["web"].exec("python", "manage.py", "seed")
    order = eventually("the shop", ordering(stack.browser), 60)

    done = lambda: stack.browser.json(f"/api/orders/{order}")["receipt_sent_at"]  # noqa: E731
    eventually("a receipt", done, 60)


def ordering(browser: Browser) -> Callable[[], str]:
    def order() -> str:
        try:
            return str(browser.json("/api/orders", {"product": "TEA-01", "quantity": 1, "email": "a@b.example"})["id"])
        except OSError:
            return ""

    return order


def test_it_takes_no_more_connections_than_it_says(stack: Stack, figure: Callable[[str], None]) -> None:
    said = stack.running["web"].exec("python", "manage.py", "jobs", "connections").stdout
    allowed = int(said.split()[-1])
    seen = 0
    for _ in range(20):
        ordering(stack.browser)()
        # The one that asks is not ours.
        seen = max(seen, stack.database.rows(CONNECTIONS)[0][0] - 1)
        time.sleep(0.2)

    assert 0 < seen <= allowed
    figure(f"database connections: {seen} seen, {allowed} foretold")


@pytest.mark.parametrize("name", ["web", "worker-fast", "beat"])
def test_no_process_can_change_its_code_or_is_root(stack: Stack, name: str) -> None:
    container = stack.running[name]

    assert container.exec("id", "-u").stdout.strip() == "10001"
    assert "Read-only file system" in container.exec("touch", "/app/manage.py", "/venv/new").stderr
    assert container.exec("touch", "/tmp/scratch", "/app/media/upload").returncode == 0  # noqa: S108
    assert "CapEff:\t0000000000000000" in container.exec("cat", "/proc/1/status").stdout


def test_nothing_private_and_nothing_needless_is_in_it(image: Image) -> None:
    there = set(image.engine.sh(f"ls -A {image.root}/app").split())

    assert {"manage.py", "djcelery_jobs", "staticfiles", "media"} <= there
    assert not there & {".env", ".git", ".venv", "tests", "deploy", "compose.yaml"}


def test_it_holds_what_is_locked_and_no_tools(project: Project, image: Image, figure: Callable[[str], None]) -> None:
    packages = tomllib.loads((project.path / "uv.lock").read_text())["package"]
    locked = {(each["name"], each["version"]) for each in packages}
    listed = image.engine.sh(f"ls {image.root}/venv/lib/python*/site-packages")
    installed = dict(re.findall(r"^([\w.]+)-([\d.post]+)\.dist-info$", listed, re.MULTILINE))

    assert installed
    assert {(normal(name), version) for name, version in installed.items()} <= locked
    assert not {"pytest", "ruff", "pip", "uv"} & set(installed)
    figure(f"image: {image.size('venv', 'app') / MEGABYTE:.0f} MB over its base")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_sigterm_reaches_each_process_and_it_leaves_in_order(stack: Stack) -> None:
    """Stop all services, and start them again for whichever test comes next."""
    codes = {name: container.stop() for name, container in stack.running.items() if name != "migrate"}

    assert codes == dict.fromkeys(codes, 0)
    assert "worker: Cold shutdown" in stack.running["worker-fast"].process.text  # after the soft one
    for name in codes:
        stack.start(name)
