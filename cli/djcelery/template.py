"""Where the template lives, and how it is rendered: the only module that knows cookiecutter."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import shutil
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from djcelery.errors import Refusal
from djcelery.questions import Answer

OPENING = "{" + "{"


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


def refuse_braces(target: Path) -> None:
    """Raise Refusal if cookiecutter, which renders the whole path it writes to, would read a tag in `target`."""
    if "{" in str(target):
        raise Refusal(f"{target} has a brace, which the template engine would read.", "Choose a folder without braces.")


def context_of(answers: Mapping[str, Answer]) -> dict[str, Any]:
    """Return what plain cookiecutter would give its templates for these answers."""
    raw = json.loads((home() / "cookiecutter.json").read_text(encoding="utf-8"))
    del raw["__prompts__"]
    environment = _environment(raw)
    values: dict[str, Any] = {}
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

    Most files of the template hold no tag. Rendering would give them back as they are, at ten times the cost of a
    copy, so cookiecutter gets those with tags and the others are copied.
    Raises Refusal if the rendered project is not sound.
    """
    source = source_folder()
    environment = _environment(context)
    tagged, plain = _sorted_out(source, environment)
    part = folder / ".template"
    for path in tagged:
        _copy(source / path, part / source.name / path)
    generate_files = _cookiecutter("generate").generate_files
    project = Path(generate_files(part, {"cookiecutter": dict(context)}, output_dir=folder, accept_hooks=False))
    shutil.rmtree(part)
    for path in plain:
        named = environment.from_string(path).render(cookiecutter=context) if OPENING in path else path
        _copy(source / path, project / named)
    _make_writable(project)
    for sentence in hook("post_gen_project").finish(project, context):
        raise Refusal(f"The rendered project is not sound: {sentence}", "Please report this bug in the template.")
    return project


def source_folder() -> Path:
    """Return the one folder of the template that cookiecutter renders."""
    (source,) = (path for path in home().iterdir() if OPENING in path.name and "cookiecutter" in path.name)
    return source


def _environment(context: Mapping[str, Any]) -> Any:
    _cookiecutter("extensions")
    return _cookiecutter("utils").create_env_with_context({"cookiecutter": context})


def _sorted_out(source: Path, environment: Any) -> tuple[list[str], list[str]]:
    """Return the template's files with a tag of `environment` in their text, and the others."""
    starts = (environment.variable_start_string, environment.block_start_string, environment.comment_start_string)
    tags = [start.encode() for start in starts]
    tagged: list[str] = []
    plain: list[str] = []
    for folder, folders, files in os.walk(source):
        # pip compiles an installed template's Python files, and linters leave caches; they belong in nobody's project.
        folders[:] = [name for name in folders if not name.endswith(("__pycache__", "_cache"))]
        for name in files:
            path = Path(folder, name)
            content = path.read_bytes()
            kind = tagged if any(tag in content for tag in tags) else plain
            kind.append(str(path.relative_to(source)))
    return tagged, plain


def _copy(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, target)
    shutil.copymode(file, target)


def _make_writable(project: Path) -> None:
    """Give files the modes that their owner's umask asks for: a template may be installed read-only."""
    mask = os.umask(0)
    os.umask(mask)
    for folder, _, files in os.walk(project):
        for name in files:
            path = Path(folder, name)
            path.chmod((0o777 if path.stat().st_mode & 0o100 else 0o666) & ~mask)


def _cookiecutter(name: str) -> ModuleType:
    """Import a module of cookiecutter without the parts that ask and that tell the time, half of its cost.

    Nothing here asks or tells the time through it. Should cookiecutter change so that the shortcut fails,
    the long way still works.
    """
    unused = {"rich.prompt": ("InvalidResponse",), "cookiecutter.prompt": ("YesNoPrompt",), "arrow": ()}
    stand_ins = {module: ModuleType(module) for module in unused if module not in sys.modules}
    for module, stand_in in stand_ins.items():
        vars(stand_in).update(dict.fromkeys(unused[module]))
    try:
        sys.modules.update(stand_ins)
        return importlib.import_module(f"cookiecutter.{name}")
    except (ImportError, AttributeError):
        for module in stand_ins:
            del sys.modules[module]
        return importlib.import_module(f"cookiecutter.{name}")
    finally:
        for module, stand_in in stand_ins.items():
            if sys.modules.get(module) is stand_in:
                del sys.modules[module]
