"""Plan `djcelery init --check`: a baseline of today's findings, and the check in pre-commit and in CI."""

from __future__ import annotations

import json
import tomllib

from djcelery import template
from djcelery.checking import baseline
from djcelery.checking.options import is_selected, read_options
from djcelery.editing import NotEditable
from djcelery.editing.text import append_lines
from djcelery.editing.yaml import insert_checked, last_line_of, read_documents
from djcelery.findings import Finding
from djcelery.installing.pre_commit import PRE_COMMIT
from djcelery.plan import Plan, Snippet
from djcelery.project.context import is_test
from djcelery.project.files import Entry, Tree, is_promising
from djcelery.project.installation import LIBRARY, Installation
from djcelery.project.project import Project
from djcelery.project.reader import read

FILE = ".djcelery-baseline.json"
PYPROJECT = "pyproject.toml"
WORKFLOWS = ".github/workflows"
GITLAB = ".gitlab-ci.yml"
HOOK = """  - repo: local
    hooks:
      - id: djcelery-check
        name: djcelery check
        entry: djcelery check{option}
        language: python
        additional_dependencies: ["djcelery=={version}"]
        types: [python]
        pass_filenames: false
"""
GITHUB_JOB = """name: djcelery
on: [push, pull_request]
permissions:
  contents: read
jobs:
  check:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: pipx run djcelery=={version} check --format github{option}
"""
GITLAB_JOB = """
djcelery:
  image: python:3.13
  script:
    - pip install djcelery=={version}
    - djcelery check{option}
"""


def findings_after(plan: Plan, installation: Installation, root: str) -> list[Finding]:
    """Return what `djcelery check` will report once the plan has been carried out."""
    from djcelery.checking.run import findings_of

    options = read_options(root)
    ours = tuple(f"{folder}/" for folder in plan.folded)  # the library has no findings, but a task
    changed = [
        path
        for path in plan.changed
        if path.endswith(".py") and (not path.startswith(ours) or path.endswith(f"{LIBRARY}/tasks.py"))
    ]
    project = installation.project
    if changed:
        tree = PlannedTree(root, plan, installation.tree)
        known = {module.path: module for module in installation.modules if module.path not in changed}
        for path in changed:
            data = plan.after[path]
            if data is not None and is_promising(path, data) and not is_test(path):
                known[path] = read(path, tree.layout.name(path), data, tree.layout.is_package(path))
        project = Project(tree, known.values())
    return [finding for finding in findings_of(project) if is_selected(finding, options)]


class PlannedTree(Tree):
    """Hold the files of a project as they will be."""

    def __init__(self, root: str, plan: Plan, tree: Tree) -> None:
        super().__init__(root)
        self.plan = plan
        self.aliases, self.outside = tree.aliases, tree.outside
        planned = {path: len(data) for path in plan.changed if (data := plan.after[path]) is not None}
        kept = [entry for entry in tree.entries if entry.path not in plan.after or entry.path in planned]
        new = set(planned) - {entry.path for entry in kept}
        self.entries = sorted([*kept, *(Entry(path, planned[path], 0) for path in new)])

    def read(self, path: str) -> bytes:
        """Return the bytes that a file will have."""
        data = self.plan.after.get(path)
        return super().read(path) if data is None else data


def add_check(plan: Plan, installation: Installation, root: str) -> None:
    """Plan the baseline and its use. Only a released version may be named as a package in pre-commit and CI."""
    has_pyproject = plan.exists(PYPROJECT)
    if not plan.exists(FILE):
        findings = findings_after(plan, installation, root)
        count = f"{len(findings)} finding{'' if len(findings) == 1 else 's'}"
        plan.create(FILE, baseline.as_bytes(findings), f"a baseline of the {count} of today")
    if has_pyproject:
        _use_baseline(plan)
    values = template.private_values()
    if not values["_released"]:
        return
    option = "" if has_pyproject else f" --baseline {FILE}"
    words = {"option": option, "version": values["_djcelery_version"]}
    _add_hook(plan, HOOK.format(**words))
    if plan.exists(GITLAB):
        if b"djcelery check" not in plan.read(GITLAB):
            plan.write(GITLAB, append_lines(plan.read(GITLAB), GITLAB_JOB.format(**words)), "checks each change")
    elif (plan.root / WORKFLOWS).is_dir() and not plan.exists(f"{WORKFLOWS}/djcelery.yml"):
        plan.create(f"{WORKFLOWS}/djcelery.yml", GITHUB_JOB.format(**words).encode(), "checks each change")


def _use_baseline(plan: Plan) -> None:
    """Plan the setting in pyproject.toml, unless the project has a table of ours that says something else."""
    data = plan.read(PYPROJECT)
    try:
        table = tomllib.loads(data.decode("utf-8")).get("tool", {}).get("djcelery")
    except (ValueError, AttributeError) as error:
        plan.snippets.append(
            Snippet(PYPROJECT, 0, f'[tool.djcelery]\nbaseline = "{FILE}"\n', f"it is not valid: {error}")
        )
        return
    if table is None:
        text = f"\n[tool.djcelery]\nbaseline = {json.dumps(FILE)}\n"
        plan.write(PYPROJECT, append_lines(data, text), "the check ignores the findings of the baseline")
    elif "baseline" not in table:
        why = "the table [tool.djcelery] is there already"
        plan.snippets.append(Snippet(PYPROJECT, 0, f"baseline = {json.dumps(FILE)}\n", why))


def _add_hook(plan: Plan, hook: str) -> None:
    if not plan.exists(PRE_COMMIT) or b"djcelery check" in plan.read(PRE_COMMIT):
        return
    data = plan.read(PRE_COMMIT)
    try:
        documents = read_documents(data)
        line, _ = last_line_of(data, [], lambda name: name == "repos")
        expected = [{**documents[0], "repos": [*documents[0]["repos"], *read_documents(hook.encode())[0]]}]
        indented = hook if _indent_of(data) == 2 else dedented(hook)
        plan.write(PRE_COMMIT, insert_checked(data, line, indented, expected), "checks each commit")
    except (NotEditable, TypeError, KeyError, IndexError) as error:
        reason = getattr(error, "reason", "its repos are written in another way")
        plan.snippets.append(Snippet(PRE_COMMIT, 0, hook, reason))


def _indent_of(data: bytes) -> int:
    """Return by how many blanks the entries of `repos` are indented."""
    lines = data.decode("utf-8", "replace").splitlines()
    first = next((line for line in lines if line.lstrip().startswith("- repo")), "")
    return len(first) - len(first.lstrip())


def dedented(hook: str) -> str:
    """Return the hook for a file whose list items begin at the margin."""
    return "".join(line[2:] for line in hook.splitlines(keepends=True))
