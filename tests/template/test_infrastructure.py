"""Test each file that another program reads with the tool of its trade, for every answer that changes it."""

from __future__ import annotations

import itertools
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.projects import Project, environment, make, succeed

BIN = Path(sys.executable).parent
# Every value of every question that these files look at, and every pair of broker and CI.
ANSWERS = [
    (*pair, sentry)
    for pair, sentry in zip(
        itertools.product(["redis", "rabbitmq"], ["github", "gitlab", "none"]),
        itertools.cycle(["sentry", "no-sentry"]),
        strict=False,
    )
]
SCHEMAS = {
    "compose.yaml": "vendor.compose-spec",
    ".github/workflows/*.yml": "vendor.github-workflows",
    ".github/dependabot.yml": "vendor.dependabot",
    ".gitlab-ci.yml": "vendor.gitlab-ci",
    "renovate.json": "vendor.renovate",
}


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> list[Project]:
    folder = tmp_path_factory.mktemp("infrastructure")
    return [
        make(folder, f"{broker}_{ci}_{sentry}".replace("-", "_"), ["--broker", broker, "--ci", ci, f"--{sentry}"])
        for broker, ci, sentry in ANSWERS
    ]


def tool(name: str, *words: str | Path) -> None:
    succeed([BIN / name, *words], env=environment(), timeout=60)


def test_hadolint_finds_nothing(projects: list[Project]) -> None:
    tool("hadolint", *(project.path / "Dockerfile" for project in projects))


@pytest.mark.parametrize("pattern", SCHEMAS)
def test_it_keeps_its_schema(projects: list[Project], pattern: str) -> None:
    files = [file for project in projects for file in project.path.glob(pattern)]

    assert files
    tool("check-jsonschema", "--builtin-schema", SCHEMAS[pattern], *files)


def test_zizmor_finds_nothing_in_the_workflows(projects: list[Project]) -> None:
    workflows = [project.path / ".github" for project in projects if "github" in project.slug]
    tool("zizmor", "--offline", "--no-progress", *workflows)


# Of ten; systemd calls up to four "OK". Without any of the units' protection it is above nine.
EXPOSURE = 20  # tenths


@pytest.mark.skipif(sys.platform != "linux", reason="another operating system: systemd is Linux's")
def test_systemd_takes_the_units_and_finds_them_protected(projects: list[Project], tmp_path: Path) -> None:
    # They are installed as docs/deploy.md says, under a root of their own with programs that only exist.
    project = projects[0]
    units = tmp_path / "etc/systemd/system"
    shutil.copytree(project.path / "deploy/systemd", units)
    shutil.copytree("/usr/lib/systemd/system", tmp_path / "usr/lib/systemd/system", symlinks=True)
    programs = [f"/srv/{project.slug}/.venv/bin/{name}" for name in ("python", "gunicorn", "celery")] + ["/bin/kill"]
    for program in programs:
        file = tmp_path / program.removeprefix("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("#!/bin/sh\n")
        file.chmod(0o755)
    names = [path.name for path in sorted(units.iterdir())]
    assert len(names) == 4

    said = succeed(["systemd-analyze", "verify", f"--root={tmp_path}", *(units / name for name in names)], timeout=60)

    assert said == ""
    started = [name.replace("@.", "@fast.") for name in names]
    judge = ["systemd-analyze", "security", "--offline=true", f"--root={tmp_path}", f"--threshold={EXPOSURE}"]
    succeed([*judge, *started], timeout=60)


def test_the_page_about_deploying_tells_how_many_connections_there_are(projects: list[Project]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text(encoding="utf-8")
    total = projects[0].manage("jobs", "connections").split()[-1]
    assert f"two web processes, that is {total}." in page


def test_every_variable_and_file_on_that_page_exists(projects: list[Project]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text(encoding="utf-8")
    rows = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([A-Z][A-Z_]{5,})(?:=[^`]*)?`", page)) - {"CONN_MAX_AGE", "CONN_HEALTH_CHECKS"}
    paths = {
        path
        for path in re.findall(r"`((?:tests|deploy|djcelery_jobs|settings)/[\w./]*)`", page)
        if not path.startswith("tests/")
    }

    assert named - set(re.findall(r"^\| `(\w+)`", rows, re.MULTILINE)) - {"SSL_CERT_FILE"} == set()
    project = projects[0].path
    assert not [
        path for path in paths if not (project / path).exists() and not (project / project.name / path).exists()
    ]
