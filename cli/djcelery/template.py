"""Where the template lives, and how it is rendered: the only module that knows cookiecutter."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from djcelery.errors import Refusal
from djcelery.questions import Answer


def home() -> Path:
    """Return the folder of `cookiecutter.json`: inside the installed package, or the root of the checkout."""
    package = Path(__file__).parent
    installed = package / "_template"
    return installed if installed.is_dir() else package.parents[1]


@cache
def hook(name: str) -> ModuleType:
    """Return a hook of the template as a module: its rules are ours, and they stand in one place."""
    file = home() / "hooks" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"djcelery_{name}", file)
    if spec is None or spec.loader is None:
        raise Refusal(f"The template has no hook {name}.", "Install djcelery again.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def problems(answers: Mapping[str, Answer]) -> list[Any]:
    """Return what the template's rules find wrong with these answers, each with a sentence and a hint."""
    found: list[Any] = hook("pre_gen_project").problems(answers)
    return found


def refuse_bad(answers: Mapping[str, Answer]) -> None:
    """Raise Refusal for the first answer that the template's rules do not allow."""
    for problem in problems(answers):
        raise Refusal(problem.sentence, problem.hint)


def context_of(answers: Mapping[str, Answer]) -> dict[str, Any]:
    """Return what plain cookiecutter would give its templates for these answers."""
    from cookiecutter.utils import create_env_with_context

    raw = json.loads((home() / "cookiecutter.json").read_text(encoding="utf-8"))
    del raw["__prompts__"]
    values: dict[str, Any] = {}
    environment = create_env_with_context({"cookiecutter": raw})
    for key, value in raw.items():
        if key in answers:
            values[key] = answers[key]
        elif key.startswith("__"):
            values[key] = environment.from_string(value).render(cookiecutter=values)
        else:
            values[key] = value
    return values


def render(context: Mapping[str, Any], folder: Path) -> Path:
    """Render the template into `folder`, drop, validate and record, and return the project's folder in it.

    Raises Refusal if the rendered project is not sound.
    """
    from cookiecutter.generate import generate_files

    made = generate_files(home(), {"cookiecutter": dict(context)}, output_dir=folder, accept_hooks=False)
    project = Path(made)
    _tidy(project)
    for sentence in hook("post_gen_project").finish(project, context):
        raise Refusal(f"The rendered project is not sound: {sentence}", "Please report this bug in the template.")
    return project


def _tidy(project: Path) -> None:
    """Remove the bytecode that pip compiled into an installed template, and make every file its owner's to change."""
    mask = os.umask(0)
    os.umask(mask)
    for folder, folders, files in os.walk(project):
        if "__pycache__" in folders:
            folders.remove("__pycache__")
            shutil.rmtree(Path(folder, "__pycache__"))
        for name in files:
            path = Path(folder, name)
            path.chmod((0o777 if path.stat().st_mode & 0o100 else 0o666) & ~mask)
