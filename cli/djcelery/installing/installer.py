"""Make the one plan of `djcelery init` for the levels that were asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from djcelery.errors import CommandError, UsageError
from djcelery.findings import Finding
from djcelery.installing.checks import add_check, findings_after
from djcelery.installing.durable import DurableInstaller, find_tasks
from djcelery.installing.jobs import JobsInstaller
from djcelery.installing.report import as_data
from djcelery.installing.sources import Sources
from djcelery.plan import Plan
from djcelery.project.conflicts import Conflict, find_conflicts
from djcelery.project.installation import Installation
from djcelery.project.tasks import Task

RECORD = ".djcelery.toml"
MAX_SHIFT = 3  # lines that a plan adds above a task


@dataclass(frozen=True, slots=True)
class Levels:
    """Say what the user asked for: the check, the jobs, and which tasks become durable. Durable tasks need the jobs."""

    check: bool = False
    jobs: bool = False
    durable: tuple[str, ...] = ()

    @property
    def with_jobs(self) -> bool:
        """Return whether the library is needed."""
        return self.jobs or bool(self.durable)

    def __bool__(self) -> bool:
        return self.check or self.with_jobs


@dataclass(slots=True)
class Installer:
    """Hold what is known of a project while its plan is made."""

    root: Path
    installation: Installation
    conflicts: list[Conflict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)  # of the durable tasks, as they will be

    @classmethod
    def of(cls, root: Path, settings: str) -> Installer:
        """Read a project. Raise CommandError unless it is a folder that `djcelery new` did not make."""
        if not root.is_dir():
            raise UsageError(f"{root} is not a folder.", "Name the folder of a Django project.")
        record = root / RECORD
        if record.is_file() and "[answers]" in record.read_text(encoding="utf-8", errors="replace"):
            message = f"{root} was made by djcelery new, so it has all that init brings."
            raise CommandError(message, "To add a task or a queue: djcelery add --help")
        installation = Installation.find(str(root), settings)
        return cls(root, installation, find_conflicts(installation))

    def plan(self, levels: Levels) -> Plan:
        """Return the plan. Raise CommandError if something stands in the way of jobs."""
        plan = Plan(self.root)
        plan.facts = as_data(self.installation, self.conflicts)
        if levels.with_jobs:
            self._refuse_conflicts()
            tasks = find_tasks(self.installation, levels.durable)
            sources = Sources(plan)
            jobs = JobsInstaller(sources, self.installation)
            jobs.install()
            durable = DurableInstaller(sources, self.installation)
            for task in tasks:
                durable.make_durable(task)
            sources.write()
            self.notes += [*jobs.notes, *durable.notes]
            self._judge(plan, tasks)
        if levels.check:
            add_check(plan, self.installation, str(self.root))
        return plan

    def _refuse_conflicts(self) -> None:
        blocking = [conflict for conflict in self.conflicts if conflict.is_blocking]
        if blocking and not self.installation.is_installed:
            raise CommandError(" ".join(conflict.text for conflict in blocking),
                               " ".join(dict.fromkeys(conflict.way_out for conflict in blocking)))  # fmt: skip

    def _judge(self, plan: Plan, tasks: list[Task]) -> None:
        """Find what `djcelery check` will say about the durable tasks and their dispatch."""
        if not tasks:
            return
        after = findings_after(plan, self.installation, str(self.root))
        self.findings = [finding for finding in after if any(_is_about(finding, task) for task in tasks)]


def _is_about(finding: Finding, task: Task) -> bool:
    """Return whether a finding stands in the body of a task, give or take a new import, or names it."""
    if task.function is None:
        return False
    is_inside = task.line <= finding.line <= task.function.end_line + MAX_SHIFT
    return (finding.path == task.module.path and is_inside) or task.function.name in finding.message
