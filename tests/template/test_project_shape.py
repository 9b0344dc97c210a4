"""Test that a generated project is small and the team's own, and that its gates judge the team's code."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.projects import Project, environment, make, succeed

# The answers with the most files, and with the fewest.
LARGEST = "--broker rabbitmq --results django --schedule database --sentry --ci github --kubernetes --example"
SMALLEST = "--broker redis --results none --schedule settings --no-sentry --ci none --no-kubernetes --no-example"
MOST_FILES, MOST_CODE, MOST_TESTS = 95, 1300, 1000
MISTAKES = {
    'CREATE INDEX "i" ON "books_book" ("title");': "require-concurrent-index-creation",
    'ALTER TABLE "books_book" ALTER COLUMN "title" SET NOT NULL;': "adding-not-nullable-field",
    'ALTER TABLE "books_book" DROP COLUMN "title";': "ban-drop-column",
    'ALTER TABLE "books_book" RENAME COLUMN "title" TO "name";': "renaming-column",
    'ALTER TABLE "books_book" ALTER COLUMN "note" TYPE text;': "changing-column-type",
    'CREATE TABLE "books_gift" ("id" bigint NOT NULL PRIMARY KEY, "note" text NOT NULL);': "",
    'CREATE INDEX CONCURRENTLY "i" ON "books_book" ("title");': "",
    'ALTER TABLE "books_book" ADD COLUMN "note" text NULL;': "",
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make(tmp_path, "myproject")


def files(project: Project) -> list[Path]:
    """Return the files of the project, relative to it, without the library's."""
    paths = [path.relative_to(project.path) for path in project.path.rglob("*") if path.is_file()]
    return [path for path in paths if path.parts[0] != "djcelery_jobs" and "__pycache__" not in path.parts]


def lines(project: Project, paths: list[Path]) -> int:
    return sum(len((project.path / path).read_text(encoding="utf-8").splitlines()) for path in paths)


def test_the_largest_project_is_small(tmp_path):
    project = make(tmp_path, "myproject", LARGEST.split())
    python = [path for path in files(project) if path.suffix == ".py"]
    tests = [path for path in python if path.parts[0] == "tests"]

    assert len(files(project)) <= MOST_FILES
    assert lines(project, [path for path in python if path not in tests]) <= MOST_CODE
    assert lines(project, tests) <= MOST_TESTS


def test_the_default_project_is_clean_and_its_own_tests_pass(project):
    # benchmarks/bench_new.py says how long these tests take.
    project.lint()
    assert " passed" in project.test()


def test_the_coverage_gate_judges_the_teams_code(project):
    # It passes as generated, and it fails without the tests of the example.
    assert "Required test coverage of 95.0% reached" in project.test("--cov")

    shutil.rmtree(project.path / "tests/orders")
    judged = pytest_of(project, "--cov")

    assert judged.returncode != 0
    assert "Required test coverage of 95.0% not reached" in judged.stdout
    report = judged.stdout.partition("Missing")[2]
    assert "orders/tasks.py" in report
    assert "djcelery_jobs/" not in report
    assert "tests/" not in report


def test_the_coverage_gate_judges_an_app_that_was_added(project):
    project.manage("startapp", "books")
    branches = "".join(f"    if n == {n}:\n        return {n}\n" for n in range(60))
    (project.path / "books/services.py").write_text(f"def price(n):\n{branches}")

    report = pytest_of(project, "tests/test_processes.py", "--cov").stdout
    assert re.search(r"books/services.py +\d+ +\d+ .* 0%", report)


def pytest_of(project: Project, *words: str) -> subprocess.CompletedProcess[str]:
    command = [project.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words]
    return subprocess.run(command, cwd=project.path, env=environment(), capture_output=True, text=True, check=False)


def test_a_started_app_passes_the_projects_linter(project):
    # Also when the library is installed and no longer a folder.
    project.manage("startapp", "books")
    project.lint()
    shutil.rmtree(project.path / "djcelery_jobs")
    project.lint()


@pytest.mark.parametrize("flags", [LARGEST, SMALLEST], ids=["largest", "smallest"])
def test_pre_commit_passes_on_a_fresh_project(tmp_path, flags):
    # It changes nothing: neither migrations nor the library are rewritten.
    project = make(tmp_path, "myproject", flags.split())
    tools = {
        "PATH": f"{Path(sys.executable).parent}:{environment()['PATH']}",
        "PRE_COMMIT_HOME": str(tmp_path / "home"),
    }
    options = {"cwd": project.path, "env": environment() | tools, "timeout": 120}
    succeed(["git", "init", "-q"], **options)
    succeed(["git", "add", "-A"], **options)

    printed = succeed(["pre-commit", "run", "--all-files"], **options)

    assert printed.count("Passed") == len(re.findall(r"- id:", (project.path / ".pre-commit-config.yaml").read_text()))
    assert succeed(["git", "diff", "--stat"], **options) == ""


def test_each_project_has_passwords_of_its_own(tmp_path):
    texts = [(make(tmp_path, name).path / ".env").read_text() for name in ("one", "two")]
    secrets = [
        dict(re.findall(r"^(DJANGO_SECRET_KEY|POSTGRES_PASSWORD|BROKER_PASSWORD)=(\w{50,})$", text, re.MULTILINE))
        for text in texts
    ]

    assert [len(found) for found in secrets] == [3, 3]
    assert len({value for found in secrets for value in found.values()}) == 6


def test_git_and_the_image_ignore_secrets(project):
    secrets = [".env", ".env.production", "secrets.env", "key.pem", "deploy/kubernetes/secrets.env", "tls.key"]
    succeed(["git", "init", "-q"], cwd=project.path)

    ignored = succeed(["git", "check-ignore", *secrets], cwd=project.path).split()
    tracked = subprocess.run(["git", "check-ignore", ".env.example"], cwd=project.path, check=False).returncode

    assert ignored == secrets
    assert tracked == 1
    patterns = (project.path / ".dockerignore").read_text().splitlines()
    assert {"**/.env", "**/.env.*", "**/*.env", "**/*.pem", "**/*.key"} <= set(patterns)


@pytest.mark.parametrize("broker", ["redis", "rabbitmq"])
def test_without_the_example_nothing_speaks_of_it(tmp_path, broker):
    flags = LARGEST.replace("--example", "--no-example").split()
    project = make(tmp_path, "myproject", [*flags, "--broker", broker, "--author", "", "--email", ""])
    words = re.compile(r"\b(orders?|shops?|receipts?|teapots?|seed|daily[-_ ]sales|price[-_ ]lists?)\b", re.IGNORECASE)
    found = [
        f"{path}: {line}"
        for path in files(project)
        for line in (project.path / path).read_text(encoding="utf-8").splitlines()
        if words.search(line)
    ]

    assert found == []


def test_without_the_example_all_gates_are_green(tmp_path):
    project = make(tmp_path, "myproject", SMALLEST.split())

    project.lint()
    project.check()
    assert "Required test coverage of 95.0% reached" in project.test("--cov")


@pytest.mark.parametrize("flags", [LARGEST, SMALLEST], ids=["largest", "smallest"])
def test_checks_pass_without_a_warning_of_python(tmp_path, flags):
    project = make(tmp_path, "myproject", flags.split())

    assert "no issues" in project.run("-W", "error", "manage.py", "check")


def test_the_rules_about_migrations_find_what_locks_or_breaks(project):
    code = f"""
from tests.test_migrations import problems
for sql, rule in {MISTAKES!r}.items():
    assert (rule in problems(sql)) if rule else not problems(sql), sql
print("compared")
"""
    assert "compared" in project.manage("shell", "-v0", "-c", code)


@pytest.mark.parametrize("ci", [".github/workflows/ci.yml", ".gitlab-ci.yml"])
def test_ci_runs_every_gate_and_names_nothing_unreleased(tmp_path, ci):
    project = make(tmp_path, "myproject", ["--ci", "gitlab" if "gitlab" in ci else "github"])
    text = (project.path / ci).read_text(encoding="utf-8")

    for step in (
        "ruff check",
        "ruff format --check",
        "makemigrations --check",
        "check --deploy --fail-level WARNING",
        "pytest --cov",
        "pytest -m services",
    ):
        assert step in text
    assert "djcelery" not in text


def test_actions_are_pinned_by_commit_and_keep_no_credentials(project):
    text = (project.path / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    actions = re.findall(r"uses: (\S+)", text)

    assert len(actions) == 3
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action) for action in actions)
    assert text.count("actions/checkout@") == text.count("persist-credentials: false")
