"""Make generated projects with the workload app in them, and with limits that a test can wait for."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.projects import Project, make

WORKLOAD = Path(__file__).parent / "workload"
CLASSES = ("fast", "slow", "email", "report")
TRANSPORTS = {
    "redis": "djcelery_jobs.brokers.redis_transport:Transport",
    "rabbitmq": "djcelery_jobs.brokers.rabbitmq_transport:Transport",
}
# What a developer would write: an app, a queue for each of its tasks, its URLs.
TASKS = {
    "fast": {
        "counted": "durable plain poison recorded statement stepwise",
        "logged": "caused fail fail_after_a_retry first from_beat kept second",
        "measured": "add_one add_one_durable begin begin_durable ending noop noop_durable once quick",
        "probes": "kill_process note refuse",
    },
    "slow": {"counted": "long_job long_query long_steps", "measured": "sleep", "probes": "hold"},
    "report": {"measured": "burn", "probes": "tick"},
}
ROUTES = "".join(
    f'    "workload.tasks.{module}.{task}": "{queue}",\n'
    for queue, modules in TASKS.items()
    for module, tasks in modules.items()
    for task in tasks.split()
)


@dataclass(frozen=True)
class Policy:
    """Hold what is set differently from the generated project, so that a test waits seconds and not minutes."""

    limits: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # soft and hard limit of a class, in seconds
    jobs: Mapping[str, float] = field(default_factory=dict)  # of DJCELERY_JOBS
    celery: Mapping[str, float] = field(default_factory=dict)


AS_GENERATED = Policy()
SHORT = Policy(
    limits={"fast": (5, 8), "slow": (30, 40), "email": (20, 30), "report": (60, 90)},
    jobs={
        "BEAT_LEASE": 4,
        "BEAT_STANDBY": 0.5,
        "BROKER_RECONNECT_INTERVAL": 1,
        "JUST_BEGUN": 2,
        "REPORT_INTERVAL": 1,
        "REPUBLISH_AFTER": 3,
        "RETURNED_MESSAGE_WAIT": 3,
        "RUN_GRACE": 1,
        "STALE_AFTER": 10,
        "STARVED_AFTER": 4,
    },
    celery={"CELERY_BEAT_MAX_LOOP_INTERVAL": 1, "CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT": 2},
)


def make_project(folder: Path, broker: str, *flags: str, slug: str = "shop", policy: Policy = SHORT) -> Project:
    """Make a project for this broker, with the workload app in it."""
    project = make(folder, slug, ["--broker", broker, *flags], Path(sys.executable))
    shutil.copytree(WORKLOAD, project.path / "workload", ignore=shutil.ignore_patterns("__pycache__"))
    settings = project.path / slug / "settings"
    edit(settings / "base.py", '    "orders",\n', '    "orders",\n    "workload",\n')
    edit(settings / "jobs.py", "\nROUTES = {\n", f"\nROUTES = {{\n{ROUTES}")
    path = '    path("workload/", include("workload.urls")),\n'
    edit(project.path / slug / "urls.py", "urlpatterns = [\n", f"urlpatterns = [\n{path}")
    set_policy(project, policy)
    return project


def prefix_options(project: Project) -> dict[str, str]:
    """Return the transport options that put the project's name before the names of what it has in the broker."""
    return {"global_keyprefix": f"{project.slug}:", "name_prefix": f"{project.slug}."}


def set_policy(project: Project, policy: Policy) -> None:
    """Write the limits and constants of a policy into the settings of a project."""
    file = project.path / project.slug / "settings/jobs.py"
    text = file.read_text(encoding="utf-8")
    for name, (soft, hard) in policy.limits.items():
        found = re.findall(rf'"{name}": Workload\(.*(soft_limit=\d+, hard_limit=\d+)', text)
        assert len(found) == 1, f"the limits of {name} in {file}"
        line = re.search(rf'.*"{name}": Workload\(.*', text)
        assert line
        text = text.replace(line[0], line[0].replace(found[0], f"soft_limit={soft}, hard_limit={hard}"))
    for name, value in policy.celery.items():
        text, count = re.subn(rf"^{name} = .*$", f"{name} = {value}", text, flags=re.MULTILINE)
        assert count == 1, f"{name} in {file}"
    file.write_text(text, encoding="utf-8")
    constants = "".join(f'    "{name}": {value},\n' for name, value in policy.jobs.items())
    edit(file, "\nDJCELERY_JOBS = {\n", f"\nDJCELERY_JOBS = {{\n{constants}")


def schedule(project: Project, entry: str, task: str, seconds: float, expires: float) -> None:
    """Add an entry to the schedule of a project."""
    line = f'    "{entry}": {{"task": "{task}", "schedule": {seconds}, "options": {{"expires": {expires}}}}},\n'
    edit(
        project.path / project.slug / "settings/jobs.py",
        "\nCELERY_BEAT_SCHEDULE = {\n",
        f"\nCELERY_BEAT_SCHEDULE = {{\n{line}",
    )


def edit(file: Path, old: str, new: str) -> None:
    """Replace a text that must be there exactly once."""
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times in {file}"
    file.write_text(text.replace(old, new), encoding="utf-8")
