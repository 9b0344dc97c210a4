"""Drop the files that the answers make pointless, validate the rendered project, and record how it was made.

Cookiecutter and cruft run this as a script in the new project's folder; `djcelery new` calls its functions.
Every check reads the project as text and syntax trees, and never imports or runs it.
"""

import ast
import hashlib
import itertools
import json
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from typing import Any

RECORD = ".djcelery.toml"
LIBRARY = "djcelery_jobs"
LIBRARY_TASKS = frozenset(["djcelery_jobs.tasks.prune"])
MANIFESTS = "deploy/kubernetes/base/workers.yaml"

# Files and folders that stay only if their condition holds for the answers.
KEPT_WHILE: dict[str, Callable[[dict[str, Any]], bool]] = {
    ".github": lambda answers: answers["ci"] == "github",
    ".gitlab-ci.yml": lambda answers: answers["ci"] == "gitlab",
    "renovate.json": lambda answers: answers["ci"] == "gitlab",
    "deploy/kubernetes": lambda answers: answers["kubernetes"],
    "deploy/kubernetes/scaling/redis.yaml": lambda answers: answers["broker"] == "redis",
    "deploy/kubernetes/scaling/rabbitmq.yaml": lambda answers: answers["broker"] == "rabbitmq",
    "tests/test_kubernetes.py": lambda answers: answers["kubernetes"],
    "orders": lambda answers: answers["example"],
    "tests/orders": lambda answers: answers["example"],
    LIBRARY: lambda answers: answers["vendor"],
    "PACKAGE/views.py": lambda answers: not answers["example"],
    "PACKAGE/templates/start.html": lambda answers: not answers["example"],
}
PACKAGE = "PACKAGE"  # stands for the project's package above, whose name is an answer


class Tree:
    """Hold the rendered project as facts, each read once and only when a check needs it."""

    def __init__(
        self, root: Path, slug: str, copied: Sequence[str] = (), written: Mapping[str, bytes] | None = None
    ) -> None:
        """Read the project in `root`. `copied` is cookiecutter's list of patterns that are not rendered.

        `written` holds the contents of files that the caller has just written, by path. They are not read again.
        """
        self.root = root
        self.slug = slug
        self.copied = copied
        self.written = written or {}

    @cached_property
    def paths(self) -> list[str]:
        """Return every file, relative to the root, with forward slashes, sorted."""
        paths = []
        for folder, folders, files in os.walk(self.root):
            folders[:] = [name for name in folders if name != ".git"]
            inside = folder[len(str(self.root)) :].replace(os.sep, "/")
            paths += [f"{inside}/{name}".lstrip("/") for name in files]
        return sorted(paths)

    @cached_property
    def contents(self) -> dict[str, bytes]:
        return {
            path: self.written[path] if path in self.written else Path(self.root, path).read_bytes()
            for path in self.paths
        }

    @cached_property
    def texts(self) -> dict[str, str]:
        """Return every file that is UTF-8 text, without the vendored library, which has tests of its own."""
        texts = {}
        for path, content in self.contents.items():
            if b"\0" not in content and not path.startswith(f"{LIBRARY}/"):
                texts[path] = content.decode("utf-8", "replace")
        return texts

    @cached_property
    def modules(self) -> dict[str, ast.Module]:
        """Return the syntax trees of the Python files that the checks read: files with tasks, and the job settings."""
        return {
            path: ast.parse(text)
            for path, text in self.texts.items()
            if path.endswith(".py")
            and ("@shared_task" in text or path == self.job_settings)
            and not path.startswith("tests/")
            and path not in self.unparsed
        }

    @cached_property
    def unparsed(self) -> dict[str, str]:
        """Return the Python, TOML, YAML and JSON files that do not parse, each with the reason."""
        rendered = {path: text for path, text in self.texts.items() if parser_of(path) and not self.is_copied(path)}
        return {path: reason for path, text in rendered.items() if (reason := unparsed(path, text))}

    def is_copied(self, path: str) -> bool:
        """Return whether cookiecutter copies this file as it is. The template's own tests have parsed it then."""
        folders = itertools.accumulate(path.split("/"), "{}/{}".format)
        return any(fnmatch(folder, pattern) for folder in folders for pattern in self.copied)

    @property
    def job_settings(self) -> str:
        return f"{self.slug}/settings/jobs.py"

    @cached_property
    def settings(self) -> dict[str, ast.expr]:
        """Return the values that `settings/jobs.py` assigns at its top level, by name."""
        module = self.modules.get(self.job_settings)
        assigned = {}
        for node in module.body if module else []:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and len(node.targets) == 1:
                assigned[node.targets[0].id] = node.value
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
                assigned[node.target.id] = node.value
        return assigned

    def items_of(self, name: str) -> dict[str, ast.expr]:
        """Return the string keys of the dict literal assigned to `name` in `settings/jobs.py`, with their values."""
        value = self.settings.get(name)
        pairs = zip(value.keys, value.values, strict=True) if isinstance(value, ast.Dict) else ()
        return {text: item for key, item in pairs if (text := _text(key)) is not None}

    @cached_property
    def queues(self) -> set[str]:
        return set(self.items_of("WORKLOADS"))

    @cached_property
    def routes(self) -> dict[str, str | None]:
        """Return the queue of each routed task; None where it is not a string literal."""
        return {task: _text(queue) for task, queue in self.items_of("ROUTES").items()}

    @cached_property
    def beat(self) -> dict[str, str | None]:
        """Return the task of each beat entry; None where the entry names no task."""
        return {
            entry: next((_text(v) for k, v in zip(value.keys, value.values, strict=True) if _text(k) == "task"), None)
            for entry, value in self.items_of("CELERY_BEAT_SCHEDULE").items()
            if isinstance(value, ast.Dict)
        }

    @cached_property
    def tasks(self) -> set[str]:
        """Return the names of the library's tasks and of the project's `@shared_task` functions outside its tests."""
        return LIBRARY_TASKS | {
            f"{path[:-3].replace('/', '.')}.{node.name}" if name is None else name
            for path, module in self.modules.items()
            for node in module.body
            if isinstance(node, ast.FunctionDef)
            for decorator in node.decorator_list
            if _is_shared_task(decorator)
            for name in [_explicit_name(decorator)]
        }

    @property
    def process_files(self) -> list[str]:
        """Return the files that start a worker for each workload class."""
        return ["Procfile", "compose.yaml", *(path for path in [MANIFESTS] if path in self.texts)]

    def workers(self, path: str) -> set[str]:
        """Return the workload classes that the processes in this file consume."""
        text = re.sub(r"[\"',\[\]]", " ", self.texts.get(path, ""))  # a command may be a string or a list
        return set(re.findall(r"manage\.py\s+worker\s+([\w-]+)", re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)))


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _is_shared_task(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return "shared_task" in (getattr(called, "id", None), getattr(called, "attr", None))


def _explicit_name(decorator: ast.expr) -> str | None:
    keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
    return next((_text(keyword.value) for keyword in keywords if keyword.arg == "name"), None)


def _parse_python(text: str) -> None:
    compile(text, "<rendered>", "exec", dont_inherit=True)


def _parse_yaml(text: str) -> None:
    import yaml  # cookiecutter depends on it; imported only when there is YAML to parse

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for _ in yaml.load_all(text, Loader=loader):
        pass


PARSERS: dict[str, Callable[[str], Any]] = {
    ".py": _parse_python,
    ".toml": tomllib.loads,
    ".yaml": _parse_yaml,
    ".yml": _parse_yaml,
    ".json": json.loads,
}


def parser_of(path: str) -> Callable[[str], Any] | None:
    """Return what parses a file of this name, if it is Python, TOML, YAML or JSON."""
    return PARSERS.get(os.path.splitext(path)[1])  # noqa: PTH122 a tenth of pathlib's time, for each file


def unparsed(path: str, text: str) -> str:
    """Return why a Python, TOML, YAML or JSON file does not parse, or an empty string."""
    parser = parser_of(path)
    try:
        if parser:
            parser(text)
    except Exception as error:  # noqa: BLE001 each parser raises its own family
        return " ".join(str(error).split()) or type(error).__name__
    return ""


def everything_parses(tree: Tree) -> Iterator[str]:
    for path, reason in tree.unparsed.items():
        yield f"{path} does not parse: {reason}"


# In two parts, because cookiecutter renders this file too.
BRACES = "{" + "{"
ANSWER = re.compile(re.escape(BRACES) + r"[^}\n]*\bcookiecutter\b")
BLOCK = re.compile(r"[{]%[-+\s]")


def no_template_tag_is_left(tree: Tree) -> Iterator[str]:
    for path, text in tree.texts.items():
        of_django = path.endswith(".html") or "/templates/" in f"/{path}"
        if BRACES in path or ANSWER.search(text) or (BLOCK.search(text) and not of_django):
            yield f"{path} still contains a tag of the template."


def the_library_is_a_folder(tree: Tree) -> Iterator[str]:
    if LIBRARY in tree.paths:
        yield f"{LIBRARY} is a file: the template was copied without its symbolic links. Clone it with git."


def every_routed_queue_is_declared(tree: Tree) -> Iterator[str]:
    for task, queue in tree.routes.items():
        if queue not in tree.queues:
            yield f"ROUTES sends {task} to {queue!r}, which WORKLOADS does not declare."


def every_routed_queue_is_consumed(tree: Tree) -> Iterator[str]:
    for path in tree.process_files:
        consumed = tree.workers(path)
        for queue in sorted({queue for queue in tree.routes.values() if queue}):
            if queue not in consumed:
                yield f"No process in {path} consumes the queue {queue!r}."


def every_worker_has_a_queue(tree: Tree) -> Iterator[str]:
    for path in tree.process_files:
        for queue in sorted(tree.workers(path) - tree.queues):
            yield f"A process in {path} consumes {queue!r}, which WORKLOADS does not declare."


def every_task_has_a_route(tree: Tree) -> Iterator[str]:
    for task in sorted(tree.tasks - set(tree.routes)):
        yield f"The task {task} has no route in ROUTES."


def every_route_has_a_task(tree: Tree) -> Iterator[str]:
    for task in sorted(set(tree.routes) - tree.tasks):
        yield f"ROUTES names the task {task}, which does not exist."


def every_beat_entry_has_a_task(tree: Tree) -> Iterator[str]:
    for entry, task in tree.beat.items():
        if task not in tree.tasks:
            yield f"The beat entry {entry!r} names the task {task}, which does not exist."


def every_settings_module_exists(tree: Tree) -> Iterator[str]:
    package = f"{tree.slug}.settings."
    modules = {Path(path).stem for path in tree.paths if path.startswith(f"{tree.slug}/settings/")}
    for path, text in tree.texts.items():
        named = {re.split(r"\W", piece, maxsplit=1)[0] for piece in text.split(package)[1:]}
        for name in sorted(named - modules - {""}):
            yield f"{path} names the settings module {package}{name}, which does not exist."


CHECKS: tuple[Callable[[Tree], Iterator[str]], ...] = (
    everything_parses,
    no_template_tag_is_left,
    the_library_is_a_folder,
    every_routed_queue_is_declared,
    every_routed_queue_is_consumed,
    every_worker_has_a_queue,
    every_task_has_a_route,
    every_route_has_a_task,
    every_beat_entry_has_a_task,
    every_settings_module_exists,
)


def answers_in(context: dict[str, Any]) -> dict[str, Any]:
    """Return the answers in cookiecutter's `context`, and whether the library is vendored, which it never asks."""
    answers = {key: value for key, value in context.items() if not key.startswith("_")}
    return answers | {"vendor": context["_vendored"]}


def tidy(root: Path) -> None:
    """Remove caches that were lying in the template, and make everything writable for its owner.

    An installed template may be read-only, and pip compiles its Python files.
    """
    make_writable(root)
    for folder, folders, names in os.walk(root):
        for path in [os.path.join(folder, name) for name in (*folders, *names)]:  # noqa: PTH118
            make_writable(path)
        for name in [name for name in folders if name.endswith(("__pycache__", "_cache"))]:
            shutil.rmtree(os.path.join(folder, name))  # noqa: PTH118
            folders.remove(name)


def make_writable(path: Path | str) -> None:
    """Give the owner of a file or folder permission to change it."""
    mode = os.stat(path).st_mode  # noqa: PTH116
    if not mode & 0o200:
        os.chmod(path, mode | 0o200)  # noqa: PTH101


def dropped(answers: dict[str, Any]) -> list[str]:
    """Return the files and folders of the template that serve no purpose with these answers."""
    names = [name for name, is_wanted in KEPT_WHILE.items() if not is_wanted(answers)]
    return [name.replace(PACKAGE, answers["project_slug"]) for name in names]


def drop(root: Path, answers: dict[str, Any]) -> None:
    """Remove from the rendered project what serves no purpose with these answers."""
    for name in dropped(answers):
        path = root / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def problems(tree: Tree) -> list[str]:
    """Return one sentence for each problem of the rendered project."""
    return [problem for check in CHECKS for problem in check(tree)]


def record(tree: Tree, version: str, answers: dict[str, Any]) -> str:
    """Return the text of the project's `.djcelery.toml`: version, answers, and a hash of every file."""
    hashes = {
        path: hashlib.sha256(content).hexdigest()
        for path, content in tree.contents.items()
        if path not in (RECORD, ".env")
    }
    return "".join(
        [
            "# How this project was made. Updates compare the project with this record, and\n",
            f"# `djcelery new --answers {RECORD}` creates the same project again.\n",
            f"version = {_quoted(version)}\n",
            "\n[answers]\n",
            *(f"{key} = {_quoted(value)}\n" for key, value in sorted(answers.items())),
            "\n[files]\n",
            *(f"{_quoted(path)} = {_quoted(digest)}\n" for path, digest in sorted(hashes.items())),
        ]
    )


def _quoted(value: str | bool) -> str:
    """Return a TOML value. JSON strings are valid TOML as long as letters beyond ASCII are not escaped."""
    return json.dumps(value, ensure_ascii=False)


def finish(root: Path, context: dict[str, Any], written: Mapping[str, bytes] | None = None) -> list[str]:
    """Tidy, validate and record the project in `root`, made from cookiecutter's `context`.

    Return its problems, one sentence each. The record is written only if there are none. `written` holds the contents
    of files that need not be read again.
    """
    answers = answers_in(context)
    tidy(root)
    drop(root, answers)
    tree = Tree(root, answers["project_slug"], context["_copy_without_render"], written)
    sentences = problems(tree)
    if not sentences:
        text = record(tree, context["_djcelery_version"], answers)
        (root / RECORD).write_text(text, encoding="utf-8", newline="\n")
    return sentences


def main(context: dict[str, Any]) -> int:
    """Finish the project in the current folder and return the exit code."""
    sentences = finish(Path.cwd(), context)
    for sentence in sentences:
        print(f"Error: {sentence}", file=sys.stderr)
    return 1 if sentences else 0


if __name__ == "__main__":
    sys.exit(main(json.loads(r"""{{ cookiecutter | jsonify }}""")))
