"""Measure how long the commands that change a project take to plan: python -m benchmarks.bench_init [RUNS]

`init --jobs --check` plans for a project of 1,500 Python files, of which a tenth have tasks; `add` and `remove` plan
for a new project, and `update --check` looks at one. Nothing is written: the time is that of a whole process which
prints its plan. Each round runs every command once, and the figures are medians.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measuring import save

FULL = 9  # rounds
FILES = 1500
DJCELERY = str(Path(sys.executable).parent / "djcelery")
MODELS = """from django.db import models


class Thing{number}(models.Model):
    name = models.CharField(max_length=100)
    created = models.DateTimeField(auto_now_add=True)

    def describe(self):
        return f"{{self.name}} of {{self.created:%Y}}"
"""
TASKS = """from celery import shared_task
from django.db import transaction


@shared_task
def work_{number}(pk):
    return pk


def start(pk):
    with transaction.atomic():
        work_{number}.delay(pk)
"""
SETTINGS = """SECRET_KEY = "x"
INSTALLED_APPS = [
{apps}]
MIDDLEWARE = []
ROOT_URLCONF = "config.urls"
DATABASES = {{"default": {{"ENGINE": "django.db.backends.postgresql", "NAME": "x"}}}}
CELERY_BROKER_URL = "redis://localhost:6379/0"
"""
# Without what keeps Python from storing compiled modules, as most shells are.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
# What is wanted of each command, in seconds.
COMMANDS = {
    "init --jobs --check": (["init", "large", "--jobs", "--check", "--dry-run"], 1.0),
    "add task": (["add", "task", "orders.remind", "--queue", "fast", "--dry-run", "--project", "shop"], 0.5),
    "add queue": (["add", "queue", "webhooks", "--dry-run", "--project", "shop"], 0.5),
    "add schedule": (
        [
            "add",
            "schedule",
            "hourly",
            "--task",
            "orders.daily_sales",
            "--every",
            "1h",
            "--dry-run",
            "--project",
            "shop",
        ],
        0.5,
    ),
    "add app": (["add", "app", "billing", "--dry-run", "--project", "shop"], 0.5),
    "remove example": (["remove", "example", "--dry-run", "--project", "shop"], 0.5),
    "update --check": (["update", "--check", "--project", "shop"], None),
}


def make_large_project(root: Path) -> None:
    """Write a Django project of 1,500 Python files, in apps of ten files each."""
    apps = [f"app_{number}" for number in range(FILES // 10)]
    files = {
        "manage.py": 'import os\n\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")\n',
        "config/__init__.py": "from .celery import app\n",
        "config/celery.py": 'from celery import Celery\n\napp = Celery("config")\n'
        'app.config_from_object("django.conf:settings", namespace="CELERY")\napp.autodiscover_tasks()\n',
        "config/settings.py": SETTINGS.format(apps="".join(f'    "{app}",\n' for app in apps)),
        "config/urls.py": "from django.urls import path\n\nurlpatterns = []\n",
        "requirements.txt": "django>=5.2\ncelery>=5.7\n",
    }
    for number, app in enumerate(apps):
        files |= {f"{app}/{name}.py": "" for name in ("__init__", "apps")}
        files |= {f"{app}/models_{part}.py": MODELS.format(number=f"{number}_{part}") for part in range(7)}
        files[f"{app}/tasks.py"] = TASKS.format(number=number)
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def measure(rounds: int, folder: Path) -> tuple[dict[str, float], dict[str, float]]:
    """Return the median seconds of every command, on the clock and of all cores."""
    wall: dict[str, list[float]] = {name: [] for name in COMMANDS}
    cpu: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for number in range(rounds + 1):
        for name, (words, _) in COMMANDS.items():
            before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            done = subprocess.run(
                [DJCELERY, *words], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False
            )
            taken, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
            if done.returncode not in (0, 1 if name == "update --check" else 0):
                raise SystemExit(f"{name}: exit code {done.returncode}\n{done.stderr}")
            if number:  # the first round compiles
                wall[name].append(taken)
                cpu[name].append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return tuple({name: statistics.median(times) for name, times in each.items()} for each in (wall, cpu))  # type: ignore[return-value]


def main(rounds: int) -> int:
    """Print a table, and write it down if the run was a full one. Return 1 if a command took longer than wanted."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_large_project(folder / "large")
        files = sum(1 for _ in (folder / "large").rglob("*.py"))
        subprocess.run([DJCELERY, "new", "shop", "--no-input"], cwd=folder, check=True, capture_output=True)
        wall, cpu = measure(rounds, folder)
    print(f"{files} Python files; {rounds} interleaved runs; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{'command':24}{'median s':>10}{'CPU s':>8}{'at most':>9}{'ratio':>7}")
    missed = 0
    for name, (_, bound) in COMMANDS.items():
        missed += bound is not None and wall[name] > bound
        ratio = f"{wall[name] / bound:7.2f}" if bound else ""
        print(f"{name:24}{wall[name]:10.2f}{cpu[name]:8.2f}{bound or '':>9}{ratio}")
    save("init", {"files": files, "seconds": wall, "cpu": cpu, "load": os.getloadavg()[0]}, full=rounds >= FULL)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else FULL))
