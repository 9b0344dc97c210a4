"""Ask the running app: start it in the project's own interpreter, in another process, with a time limit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from djcelery.errors import CommandError
from djcelery.project import introspect_script
from djcelery.project.files import Tree
from djcelery.project.project import Project
from djcelery.project.running import Answer, Running

TIME_LIMIT = 60


def ask_app(root: str, python: str, exclude: tuple[str, ...] = (), time_limit: float = TIME_LIMIT) -> Running:
    """Return what the app of the project below `root` knows about itself."""
    from djcelery.project.loading import load

    tree = Tree(root)
    tree.scan(exclude)
    modules = load(tree)
    project = Project(tree, modules)
    app = next((app for app in project.own_apps if app.namespace is not None), None) or next(
        iter(project.own_apps), None
    )
    if app is None:
        raise CommandError(
            "No Celery app found below this folder.", "Run without --introspect, or pass the folder of the project."
        )
    import_root = os.path.join(root, project.layout.root(app.module.path))
    command = [
        find_interpreter(root, python),
        introspect_script.__file__,
        import_root,
        settings_module(project),
        f"{app.module.name}:{app.variable}",
    ]
    return Running.of(run_in_project(command, import_root, time_limit), os.path.abspath(root))


def find_interpreter(root: str, python: str) -> str:
    """Return the interpreter with the project's packages: `python`, a virtual environment's, or else our own."""
    if python:
        return python
    environments = [os.environ.get("VIRTUAL_ENV", ""), os.path.join(root, ".venv"), os.path.join(root, "venv")]
    for environment in environments:
        for name in ("bin/python", "Scripts/python.exe"):
            if environment and (Path(environment) / name).exists():
                return str(Path(environment) / name)
    return sys.executable


def settings_module(project: Project) -> str:
    """Return the settings module that manage.py or the app sets."""
    for module in sorted(project.modules, key=lambda module: "manage" not in module.path):
        for call in module.calls:
            value = call.value
            if value.last == "setdefault" and value.items and value.items[0].const == "DJANGO_SETTINGS_MODULE":
                return project.text(module, value.items[1]) or "" if len(value.items) > 1 else ""
    return ""


def run_in_project(command: list[str], folder: str, time_limit: float) -> Answer:
    """Run the command, and return its answer from among whatever else the project prints."""
    hint = "Set the project's interpreter with --python, or run without --introspect."
    try:
        process = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=time_limit,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise CommandError(f"The project did not start within {time_limit:g} seconds.", hint) from None
    except OSError as error:
        raise CommandError(f"Cannot start {command[0]}: {error.strerror}.", hint) from error
    for line in process.stdout.splitlines():
        if line.startswith(introspect_script.MARK):
            answer: Answer = json.loads(line[len(introspect_script.MARK) :])
            return answer
    last_line = (process.stderr.strip().splitlines() or ["it printed no error"])[-1]
    raise CommandError(f"The project does not start: {last_line}", hint)
