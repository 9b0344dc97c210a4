"""Find the template and render it: with `jinja_environment`, the only module that knows cookiecutter and Jinja."""

from __future__ import annotations

import importlib.util
import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from fnmatch import fnmatch
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from djcelery.errors import CommandError
from djcelery.questions import VENDOR, Answer

if TYPE_CHECKING:
    from djcelery.jinja_environment import KnownPathsEnvironment

LIBRARY = "djcelery_jobs"  # the folder of the library in a project that vendors it

_WILDCARD = frozenset("*?[")
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


def library_files() -> dict[str, bytes]:
    """Return the files of the library `djcelery_jobs`, by their path in it, without caches."""
    library = _root() / LIBRARY
    return {path: (library / path).read_bytes() for path in files_below(library)}


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


def _environment(values: Mapping[str, Any]) -> KnownPathsEnvironment:
    """Return what renders the template's files and texts as cookiecutter does.

    cookiecutter's own environment imports libraries for dates and slugs, which the template never uses.
    """
    from jinja2 import FileSystemLoader, StrictUndefined

    from djcelery.jinja_environment import KnownPathsEnvironment

    return KnownPathsEnvironment(
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        loader=FileSystemLoader(_root()),
        **values["_jinja2_env_vars"],
    )


def _root() -> Path:
    """Return the folder that becomes the project."""
    (root,) = home().glob("{{*cookiecutter*}}")
    return root


def render(context: Mapping[str, Any], folder: Path) -> Path:
    """Render the template into `folder`, let the hook finish it, and return the project's folder in it.

    cookiecutter renders each file. The walk is ours: cookiecutter's would compile the name of each file that it only
    copies, and copy what the hook drops. Raise CommandError if the rendered project is invalid.
    """
    from cookiecutter.generate import generate_file
    from cookiecutter.utils import work_in

    environment = _environment(context)
    project = folder.absolute() / str(context["project_slug"])
    project.mkdir(parents=True)
    make_folder = cache(partial(os.makedirs, exist_ok=True))
    finishing = hook("post_gen_project")
    dropped = finishing.dropped(finishing.answers_in(context))
    copied: dict[str, bytes] = {}
    with work_in(_root()):  # generate_file reads from the current folder
        for file in _template_files(context, environment):
            if _is_below(file.path, dropped):
                continue
            target = f"{project}/{file.path}"
            make_folder(target.rpartition("/")[0])
            if file.is_copied:
                copied[file.path] = _copy(file.source, target)
            else:
                environment.paths[file.source] = file.path
                generate_file(str(project), file.source, {"cookiecutter": context}, environment)
    for problem in finishing.finish(project, context, copied):
        raise CommandError(f"The rendered project is invalid: {problem}", "Please report this bug in the template.")
    return project


def _copy(source: str, target: str) -> bytes:
    """Copy a small file with its permissions, in half the time that `shutil.copy` takes. Return its contents."""
    with open(source, "rb", buffering=0) as file:  # noqa: PTH123 pathlib's objects take as long as the file itself
        mode = os.fstat(file.fileno()).st_mode
        data = file.readall()
    with open(target, "wb") as file:  # noqa: PTH123
        file.write(data)
    os.chmod(target, stat.S_IMODE(mode))  # noqa: PTH101
    return data


def render_deciding(contexts: Sequence[Mapping[str, Any]], *words: bytes) -> list[dict[str, bytes]]:
    """Return, for each context, the files of the project that differ among them, by their path.

    The contexts differ in one answer. A template that holds one of the words asks for it, and the hook may drop files.
    """
    environment = _environment(contexts[0])
    root = _root()
    finishing = hook("post_gen_project")
    dropped = [finishing.dropped(finishing.answers_in(dict(context))) for context in contexts]
    sometimes = {name for names in dropped for name in names if not all(name in others for others in dropped)}
    rendered: list[dict[str, bytes]] = [{} for _ in contexts]
    for file in _template_files(contexts[0], environment):
        if _is_below(file.path, [LIBRARY]):
            continue
        data = (root / file.source).read_bytes()
        if not (_is_below(file.path, sometimes) or any(word in data for word in words)):
            continue
        template = None if file.is_copied else environment.get_template(file.source)
        for context, result, unwanted in zip(contexts, rendered, dropped, strict=True):
            if not _is_below(file.path, unwanted):
                result[file.path] = template.render(cookiecutter=context).encode() if template else data
    return rendered


class TemplateFile(NamedTuple):
    """Describe a file of the template: its path there and in the project, and whether it is copied as it is."""

    source: str
    path: str
    is_copied: bool


def _template_files(context: Mapping[str, Any], environment: KnownPathsEnvironment) -> Iterator[TemplateFile]:
    """Yield the files of the template, without caches."""
    name_of = cache(lambda name: environment.from_string(name).render(cookiecutter=context))
    is_copied = _copied_test(context["_copy_without_render"])
    for source in files_below(_root()):
        path = "/".join(name_of(name) if "{{" in name else name for name in source.split("/"))
        yield TemplateFile(source, path, is_copied(source))


def files_below(root: Path) -> Iterator[str]:
    """Yield the paths of all files below a folder, with forward slashes, without caches."""
    for folder, folders, names in os.walk(root, followlinks=True):  # in a checkout, the library is a link
        folders[:] = [name for name in folders if not name.endswith(("__pycache__", "_cache"))]
        inside = folder[len(str(root)) + 1 :].replace(os.sep, "/")
        yield from (f"{inside}/{name}" if inside else name for name in names if not name.endswith(".pyc"))


def _is_below(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def _copied_test(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Return what says whether cookiecutter would copy a file of the template, or a folder that holds it."""
    names = set(patterns)  # most patterns hold no wildcard, and a set finds them at once
    wildcards = [pattern for pattern in patterns if not _WILDCARD.isdisjoint(pattern)]

    @cache
    def is_copied(path: str) -> bool:
        folder, _, _ = path.rpartition("/")
        return bool(folder and is_copied(folder)) or path in names or any(fnmatch(path, name) for name in wildcards)

    return is_copied
