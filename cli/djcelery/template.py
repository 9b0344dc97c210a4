"""Where the template lives, and how it is rendered: the only module that knows cookiecutter."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from djcelery.errors import CommandError
from djcelery.questions import Answer

OPENING = "{" + "{"
ANSWER = re.compile(rb"[{]{2} cookiecutter\.(\w+) [}]{2}")


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
        raise CommandError(f"The template has no hook {name}.", "Install djcelery again.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def problems(answers: Mapping[str, Answer]) -> list[Any]:
    """Return what the template's rules find wrong with these answers, each with a sentence and a hint."""
    found: list[Any] = hook("pre_gen_project").problems(answers)
    return found


def refuse_bad(answers: Mapping[str, Answer]) -> None:
    """Raise CommandError for the first answer that the template's rules do not allow."""
    for problem in problems(answers):
        raise CommandError(problem.sentence, problem.hint)


def refuse_braces(target: Path) -> None:
    """Raise CommandError if cookiecutter, which renders the whole path it writes to, would read a tag in `target`."""
    if "{" in str(target):
        raise CommandError(
            f"{target} has a brace, which the template engine would read.", "Choose a folder without braces."
        )


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

    Most files of the template hold no tag, or only names of answers. cookiecutter would take ten times as long to
    give those back, so it gets the others: those with conditions and expressions.
    Raises CommandError if the rendered project is not sound.
    """
    source = source_folder()
    environment = _environment(context)
    tagged, plain = _sorted_out(source, environment, context)
    part = folder / ".template"
    _write(tagged, part / source.name)
    project = _generate(part, context, folder)
    shutil.rmtree(part)

    @cache
    def named(name: str) -> str:
        rendered: str = environment.from_string(name).render(cookiecutter=context) if OPENING in name else name
        return rendered

    _write([file._replace(parts=tuple(map(named, file.parts))) for file in plain], project)
    untouched = {"/".join(map(named, file.parts)) for file in plain if file.untouched}
    for sentence in hook("post_gen_project").finish(project, {**context, "_repo_dir": str(home())}, untouched):
        raise CommandError(f"The rendered project is not sound: {sentence}", "Please report this bug in the template.")
    return project


def source_folder() -> Path:
    """Return the one folder of the template that cookiecutter renders."""
    (source,) = (path for path in home().iterdir() if OPENING in path.name and "cookiecutter" in path.name)
    return source


def _environment(context: Mapping[str, Any]) -> Any:
    _cookiecutter("extensions")
    return _cookiecutter("utils").create_env_with_context({"cookiecutter": context})


def _generate(template: Path, context: Mapping[str, Any], folder: Path) -> Path:
    """Let cookiecutter render, with no more compiled than must be, and that for the one time that it is used."""
    values = {
        **context,
        "_jinja2_env_vars": {**context["_jinja2_env_vars"], "optimized": False},
    }
    generate_files = _cookiecutter("generate").generate_files
    return Path(generate_files(template, {"cookiecutter": values}, output_dir=folder, accept_hooks=False))


class File(NamedTuple):
    """A file of the template, held in memory."""

    parts: tuple[str, ...]
    content: bytes
    executable: bool
    untouched: bool = False  # no answer went into it


def _sorted_out(source: Path, environment: Any, context: Mapping[str, Any]) -> tuple[list[File], list[File]]:
    """Return the files of the template that cookiecutter must render, and the others with the answers filled in."""
    starts = (environment.variable_start_string, environment.block_start_string, environment.comment_start_string)
    tags = [start.encode() for start in starts]
    tagged: list[File] = []
    plain: list[File] = []
    for file in _files_in(source):
        if _is_only_copied(file, context):
            plain.append(file._replace(untouched=True))
            continue
        content = _fill_in(file.content, context)
        filled = file._replace(content=content, untouched=content == file.content)
        if any(tag in filled.content for tag in tags):
            tagged.append(file)
        else:
            plain.append(filled)
    return tagged, plain


def _files_in(source: Path) -> Iterator[File]:
    for folder, folders, names in os.walk(source):
        # pip compiles an installed template's Python files, and linters leave caches; they belong in nobody's project.
        folders[:] = [name for name in folders if not name.endswith(("__pycache__", "_cache"))]
        inside = Path(folder).relative_to(source).parts
        for name in names:
            path = Path(folder, name)
            yield File((*inside, name), path.read_bytes(), bool(path.stat().st_mode & 0o100))


def _is_only_copied(file: File, context: Mapping[str, Any]) -> bool:
    path = os.path.join(*file.parts)  # noqa: PTH118 compared as cookiecutter compares it
    return b"\0" in file.content or any(fnmatch(path, pattern) for pattern in context["_copy_without_render"])


def _fill_in(content: bytes, context: Mapping[str, Any]) -> bytes:
    """Put text answers in the place of their names, where nothing but a name is asked for."""

    def answer(match: re.Match[bytes]) -> bytes:
        value = context.get(match[1].decode())
        return value.encode() if isinstance(value, str) else match[0]

    return ANSWER.sub(answer, content) if OPENING.encode() in content else content


def _write(files: list[File], folder: Path) -> None:
    """Write files with the modes that the owner's umask asks for: a template may be installed read-only."""
    folder.mkdir(parents=True, exist_ok=True)
    for parts in {file.parts[:-1] for file in files}:
        if not (parent := folder.joinpath(*parts)).is_dir():
            parent.mkdir(parents=True, exist_ok=True)
    for file in files:
        path = folder.joinpath(*file.parts)
        path.write_bytes(file.content)
        if file.executable:
            path.chmod(path.stat().st_mode | path.stat().st_mode >> 2 & 0o111)


# What cookiecutter imports and our rendering never calls: its prompts, its clock, its slugs, its random strings, its
# own version; and its guess at what is binary, which is answered already, since only files with tags get to it.
UNUSED: dict[str, dict[str, Any]] = {
    "rich.prompt": {"InvalidResponse": None},
    "cookiecutter.prompt": {"YesNoPrompt": None},
    "arrow": {},
    "slugify": {"slugify": None},
    "slugify.slugify": {"DEFAULT_SEPARATOR": "-"},
    "secrets": {"choice": None},
    "uuid": {},
    "importlib.metadata": {"version": lambda name: ""},
    "binaryornot": {},
    "binaryornot.check": {"is_binary": lambda name: False},
}


def _cookiecutter(name: str) -> ModuleType:
    """Import a module of cookiecutter with stand-ins for what is UNUSED, which takes less than half the time.

    The stand-ins are gone afterwards. Should cookiecutter change so that they fail, the long way still works.
    """
    stand_ins = {module: ModuleType(module) for module in UNUSED if module not in sys.modules}
    for module, stand_in in stand_ins.items():
        vars(stand_in).update(UNUSED[module])
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
