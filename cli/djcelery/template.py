"""Find the template and render it: the only module that knows cookiecutter and Jinja."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from djcelery.errors import CommandError
from djcelery.questions import VENDOR, Answer

if TYPE_CHECKING:
    from jinja2 import Environment

LIBRARY = "djcelery_jobs"  # the folder of the library in a project that vendors it

_located: ContextVar[Path | None] = ContextVar("_located", default=None)


@contextmanager
def located_in(folder: Path) -> Iterator[None]:
    """Make everything here work with the template of another version, for the length of the block."""
    token = _located.set(folder)
    try:
        yield
    finally:
        _located.reset(token)


def home() -> Path:
    """Return the folder of `cookiecutter.json`: inside the installed package, or the root of the checkout."""
    if (other := _located.get()) is not None:
        return other
    package = Path(__file__).parent
    installed = package / "_template"
    return installed if installed.is_dir() else package.parents[1]


def hook(name: str) -> ModuleType:
    """Import a hook of the template as a module, so that its rules are written in one place."""
    return _import_hook(home(), name)


@cache
def _import_hook(folder: Path, name: str) -> ModuleType:
    file = folder / "hooks" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"djcelery_{name}", file)
    if spec is None or spec.loader is None:
        raise CommandError(f"The template is missing its hook {name}.", "Reinstall djcelery.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def library_versions() -> str:
    """Return the bounds of a requirement that leads to this version of the library, or to a later patch of it."""
    version = str(private_values()["_djcelery_version"])
    major, minor = version.split(".")[:2]
    return f">={version},<{major}.{int(minor) + 1}"


def problems(answers: Mapping[str, Answer]) -> list[Any]:
    """Return what the template's rules find wrong with these answers, each with a message and a hint."""
    result: list[Any] = hook("pre_gen_project").problems(answers)
    return result


def refuse_bad(answers: Mapping[str, Answer]) -> None:
    """Raise CommandError for the first answer that the template's rules do not allow."""
    for problem in problems(answers):
        raise CommandError(problem.message, problem.hint)


def refuse_braces(target: Path) -> None:
    """Raise CommandError if `target` holds a brace: cookiecutter renders the whole path that it writes to."""
    if "{" in str(target):
        raise CommandError(
            f"The path {target} contains a brace, which the template engine would interpret.",
            "Choose a folder without braces.",
        )


def library_files() -> dict[str, bytes]:
    """Return the files of the library `djcelery_jobs`, by their path in it, without caches."""
    (library,) = home().glob("*cookiecutter*/djcelery_jobs")
    files = {}
    for folder, folders, names in os.walk(library):
        folders[:] = [name for name in folders if not name.endswith(("__pycache__", "_cache"))]
        for name in names:
            file = Path(folder, name)
            files[file.relative_to(library).as_posix()] = file.read_bytes()
    return files


def private_values() -> dict[str, Any]:
    """Return what `cookiecutter.json` holds besides questions: the version, and whether it has been released."""
    return {key: value for key, value in _questions().items() if key.startswith("_")}


def refuse_unreleased(answers: Mapping[str, Answer]) -> None:
    """Raise CommandError for a project that would depend on a library that no package index has."""
    values = private_values()
    if answers.get(VENDOR) is False and not values["_released"]:
        message = f"djcelery-jobs {values['_djcelery_version']} has not been released, so no project can depend on it."
        raise CommandError(message, "Pass --vendor instead.")


def context_of(answers: Mapping[str, Answer]) -> dict[str, Any]:
    """Return the context that cookiecutter gives its templates for these answers.

    It is made here, since cookiecutter's own way imports the libraries of its dialogue, which takes longer than the
    rest of a command. Raise ValueError for an answer that its question does not allow.
    """
    values = _questions()
    given = {"_vendored" if key == VENDOR else key: answer for key, answer in answers.items()}
    environment = _environment(values)
    context: dict[str, Any] = {}
    for key, default in values.items():
        if key == "__prompts__":
            continue
        if key in given:
            context[key] = _allowed(key, given[key], default)
        elif key.startswith("__") and "{" in default:
            context[key] = environment.from_string(default).render(cookiecutter=context)
        else:
            context[key] = default[0] if isinstance(default, list) and not key.startswith("_") else default
    return context


def _questions() -> dict[str, Any]:
    """Return the contents of `cookiecutter.json`: the questions with their defaults, and private values."""
    values: dict[str, Any] = json.loads((home() / "cookiecutter.json").read_text(encoding="utf-8"))
    return values


def _allowed(key: str, answer: Answer, default: Any) -> Answer:
    """Return an answer. Raise ValueError if its question has other choices."""
    choices = default if isinstance(default, list) else [True, False] if isinstance(default, bool) else [answer]
    if not any(type(answer) is type(choice) and answer == choice for choice in choices):
        raise ValueError(f"{key} must be one of {', '.join(map(json.dumps, choices))}, got {json.dumps(answer)}")
    return answer


def _environment(values: Mapping[str, Any]) -> Environment:
    """Return what renders a text as cookiecutter does; the template uses none of its extensions."""
    from jinja2 import Environment, StrictUndefined

    settings = values["_jinja2_env_vars"]
    return Environment(undefined=StrictUndefined, keep_trailing_newline=True, **settings)  # noqa: S701 no web pages


def render(context: Mapping[str, Any], folder: Path) -> Path:
    """Render the template into `folder`, let the hook finish it, and return the project's folder in it.

    Raise CommandError if the rendered project is invalid.
    """
    from cookiecutter.generate import generate_files

    finishing = hook("post_gen_project")
    # Rendering what the hook is about to drop would cost a tenth of the time.
    copied = [*context["_copy_without_render"], *finishing.dropped(finishing.answers_in(context))]
    values = {**context, "_copy_without_render": copied}
    project = Path(generate_files(home(), {"cookiecutter": values}, output_dir=folder, accept_hooks=False))
    for problem in finishing.finish(project, context):
        raise CommandError(f"The rendered project is invalid: {problem}", "Please report this bug in the template.")
    return project


def render_deciding(contexts: Sequence[Mapping[str, Any]], *words: bytes) -> list[dict[str, bytes]]:
    """Return, for each context, the files of the project that differ among them, by their path.

    The contexts differ in one answer. A template that holds one of the words asks for it, and the hook may drop files.
    """
    from jinja2 import FileSystemLoader

    (root,) = home().glob("{{*cookiecutter*}}")
    environment = _environment(contexts[0])
    environment.loader = FileSystemLoader(home())
    name_of = cache(lambda name: environment.from_string(name).render(cookiecutter=contexts[0]))
    finishing = hook("post_gen_project")
    dropped = [finishing.dropped(finishing.answers_in(dict(context))) for context in contexts]
    sometimes = {name for names in dropped for name in names if not all(name in others for others in dropped)}
    rendered: list[dict[str, bytes]] = [{} for _ in contexts]
    for file in _template_files(root):
        inside = file.relative_to(root).as_posix()
        path = "/".join(name_of(name) if "{{" in name else name for name in inside.split("/"))
        data = file.read_bytes()
        if not (_is_below(path, sometimes) or any(word in data for word in words)):
            continue
        is_copied = _is_copied(inside, contexts[0]["_copy_without_render"])
        for context, result, unwanted in zip(contexts, rendered, dropped, strict=True):
            if not _is_below(path, unwanted):
                template = None if is_copied else environment.get_template(file.relative_to(home()).as_posix())
                result[path] = template.render(cookiecutter=context).encode() if template else data
    return rendered


def _template_files(root: Path) -> list[Path]:
    """Return the files of the template, without the library and caches."""
    files = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.endswith(("__pycache__", "_cache")) and name != LIBRARY]
        files += [Path(folder, name) for name in names if not name.endswith(".pyc")]
    return files


def _is_below(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def _is_copied(path: str, patterns: Iterable[str]) -> bool:
    """Return whether cookiecutter copies a file of the template as it is."""
    parts = itertools.accumulate(path.split("/"), "{}/{}".format)
    return any(fnmatch(part, pattern) for part in parts for pattern in patterns)
