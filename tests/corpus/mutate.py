"""Put one mistake into real code: which kinds there are, where each can stand, and how it is put there.

The sites are found by Python's own `ast`, not by the reader that is tested.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

Change = Callable[[list[str], ast.AST], None]


@dataclass(frozen=True)
class Mutation:
    """Describe one mistake at one site."""

    project: str
    root: Path
    path: str
    number: int  # of the site in its file
    line: int
    code: str
    change: Change

    @property
    def text(self) -> str:
        """Return the file with the mistake; empty where that would not parse."""
        text = (self.root / self.path).read_text(encoding="utf-8")
        _, node = list(sites(ast.parse(text)))[self.number]
        return mutated(text, node, self.change)


def decorated(lines: list[str], function: ast.AST, option: str) -> None:
    """Add an option to the task decorator."""
    assert isinstance(function, ast.FunctionDef)
    decorator = task_decorator(function)
    assert decorator is not None
    assert decorator.end_lineno is not None
    index = decorator.end_lineno - 1
    line, end = lines[index], decorator.end_col_offset or 0
    if not isinstance(decorator, ast.Call):
        lines[index] = f"{line[:end]}({option}){line[end:]}"
        return
    before = "".join([*lines[decorator.lineno - 1 : index], line[: end - 1]]).rstrip()
    comma = "" if before.endswith(("(", ",")) else ", "
    lines[index] = f"{line[: end - 1]}{comma}{option}{line[end - 1 :]}"


def body_start(lines: list[str], function: ast.AST, text: str) -> None:
    """Add a line at the start of the body."""
    assert isinstance(function, ast.FunctionDef)
    first = function.body[0]
    docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and len(function.body) > 1
    target = function.body[1] if docstring else first
    line = min([target.lineno, *(d.lineno for d in getattr(target, "decorator_list", []))])
    lines.insert(line - 1, " " * target.col_offset + text)


def swallow(lines: list[str], function: ast.AST) -> None:
    """Put the whole body into a try that catches everything."""
    assert isinstance(function, ast.FunctionDef)
    first = function.body[0]
    indent = " " * first.col_offset
    start, end = first.lineno - 1, function.end_lineno or 0
    inner = [("    " + line if line.strip() else line) for line in lines[start:end]]
    lines[start:end] = [f"{indent}try:", *inner, f"{indent}except Exception:", f"{indent}    pass"]


def in_call(text: str) -> Change:
    """Add arguments to the call, right after its opening parenthesis."""

    def change(lines: list[str], call: ast.AST) -> None:
        assert isinstance(call, ast.Call)
        index, end = (call.func.end_lineno or 1) - 1, call.func.end_col_offset or 0
        line = lines[index]
        comma = ", " if call.args or call.keywords else ""
        lines[index] = f"{line[: end + 1]}{text}{comma}{line[end + 1 :]}"

    return change


def at_end(text: str) -> Change:
    """Add a last argument to the call."""

    def change(lines: list[str], call: ast.AST) -> None:
        assert isinstance(call, ast.Call)
        index, end = (call.end_lineno or 1) - 1, (call.end_col_offset or 1) - 1
        line = lines[index]
        before = "".join([*lines[call.lineno - 1 : index], line[:end]]).rstrip()
        comma = "" if before.endswith(("(", ",")) else ", "
        lines[index] = f"{line[:end]}{comma}{text}{line[end:]}"

    return change


def in_atomic(lines: list[str], call: ast.AST) -> None:
    """Put the statement into a transaction."""
    assert isinstance(call, ast.Call)
    start, end = call.lineno - 1, call.end_lineno or call.lineno
    indent = " " * call.col_offset
    inner = ["    " + line for line in lines[start:end]]
    lines[start:end] = [f"{indent}from django.db import transaction as _t", f"{indent}with _t.atomic():", *inner]


def waited(lines: list[str], call: ast.AST) -> None:
    """Wait for the result."""
    assert isinstance(call, ast.Call)
    index, end = (call.end_lineno or 1) - 1, call.end_col_offset or 0
    lines[index] = f"{lines[index][:end]}.get(){lines[index][end:]}"


def unbound(lines: list[str], function: ast.AST) -> None:
    """Take bind=True away."""
    assert isinstance(function, ast.FunctionDef)
    decorator = task_decorator(function)
    assert decorator is not None
    for index in range(decorator.lineno - 1, decorator.end_lineno or decorator.lineno):
        lines[index] = re.sub(r"\bbind=True,? ?", "", lines[index])


def coroutine(lines: list[str], function: ast.AST) -> None:
    """Make it async."""
    assert isinstance(function, ast.FunctionDef)
    lines[function.lineno - 1] = lines[function.lineno - 1].replace("def ", "async def ", 1)


def by_decorator(option: str) -> Change:
    return lambda lines, node: decorated(lines, node, option)


def by_body(text: str) -> Change:
    return lambda lines, node: body_start(lines, node, text)


KINDS: list[tuple[str, str, Change]] = [  # code, kind of site, change
    ("DJC101", "sent", in_atomic),
    ("DJC201", "sent", in_call("__import__('x').Order.objects.get(pk=1)")),
    ("DJC202", "sent", in_call("{1, 2}")),
    ("DJC203", "sent", in_call("{1: 2}")),
    ("DJC204", "delay", at_end("countdown=60")),
    ("DJC205", "apply_async", at_end("countdwon=60")),
    ("DJC206", "task", by_decorator("time_limt=60")),
    ("DJC207", "apply_async without args", at_end("args=(5)")),
    ("DJC208", "delay plain", at_end("no_such_argument=1")),
    ("DJC301", "task", coroutine),
    ("DJC306", "bound", unbound),
    ("DJC314", "task", by_body("print('here')")),
    ("DJC401", "task", swallow),
    ("DJC405", "no autoretry", by_decorator("autoretry_for=(Exception,), retry_backoff=True")),
    ("DJC406", "no max_retries", by_decorator("max_retries=None")),
    ("DJC502", "no limit", by_decorator("time_limit='60'")),
    ("DJC503", "no limit", by_decorator("soft_time_limit=60, time_limit=60")),
    ("DJC504", "task", by_body("import requests; requests.get('http://example.org')")),
    ("DJC505", "task", by_body("import time; time.sleep(30)")),
    ("DJC506", "sent in task", waited),
]


def task_decorator(function: ast.FunctionDef) -> ast.expr | None:
    """Return the decorator that plainly makes a task."""
    for each in function.decorator_list:
        name = ast.unparse(each.func if isinstance(each, ast.Call) else each)
        if name in {"shared_task", "celery.shared_task", "app.task", "celery_app.task"}:
            return each
    return None


def sites(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Yield every place where a kind of mistake can stand."""
    tasks = {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and task_decorator(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").rpartition(".")[2] == "tasks":
            tasks |= {alias.asname or alias.name for alias in node.names}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and (decorator := task_decorator(node)):
            yield from of_task(node, decorator)
            if decorator is node.decorator_list[-1]:
                for inner in ast.walk(node):
                    if sent(inner, tasks):
                        yield "sent in task", inner.value  # type: ignore[attr-defined]
    for node in ast.walk(tree):
        if method := sent(node, tasks):
            call = node.value  # type: ignore[attr-defined]
            yield from of_call(call, method)


def of_task(node: ast.FunctionDef, decorator: ast.expr) -> Iterator[tuple[str, ast.AST]]:
    keywords = {each.arg for each in decorator.keywords} if isinstance(decorator, ast.Call) else set()
    if None in keywords:
        return
    if "base" not in keywords:
        yield "task", node
    if "bind" in keywords and node.args.args[:1] and node.args.args[0].arg == "self" and len(node.decorator_list) == 1:
        yield "bound", node
    if "autoretry_for" not in keywords:
        yield "no autoretry", node
    if "max_retries" not in keywords:
        yield "no max_retries", node
    if not keywords & {"time_limit", "soft_time_limit"}:
        yield "no limit", node


def of_call(call: ast.Call, method: str) -> Iterator[tuple[str, ast.AST]]:
    starred = any(isinstance(arg, ast.Starred) for arg in call.args) or any(k.arg is None for k in call.keywords)
    names = {keyword.arg for keyword in call.keywords}
    if method == "delay":
        yield "sent", call
        if not starred and "countdown" not in names:
            yield "delay", call
            yield "delay plain", call
    elif "countdown" not in names:
        yield "apply_async", call
        if not call.args and "args" not in names:
            yield "apply_async without args", call


def sent(node: ast.AST, tasks: set[str]) -> str:
    """Return the method, where a statement plainly sends a task that the file names."""
    if not (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute)
    ):
        return ""
    func = node.value.func
    if func.attr in {"delay", "apply_async"} and isinstance(func.value, ast.Name) and func.value.id in tasks:
        return func.attr
    return ""


def other_serializer(root: Path) -> bool:
    """Return whether a project sends its arguments as something else than plain JSON."""
    settings = (path for path in root.rglob("*.py") if "settings" in path.name or "celery" in path.as_posix())
    pattern = re.compile(r"""(?:TASK_SERIALIZER|task_serializer)\s*=(?!\s*["']json["'])""")
    return any(pattern.search(path.read_text(encoding="utf-8", errors="replace")) for path in settings)


def mutations(project: str, root: Path) -> Iterator[Mutation]:
    """Yield every mistake that can be put into a project, where it is one."""
    fine = {"DJC201", "DJC202", "DJC203"} if other_serializer(root) else set()
    for path in sorted(root.rglob("*.py")):
        relative = path.relative_to(root).as_posix()
        if re.search(r"(^|/)(tests?|testing|migrations|examples?|docs)(/|_)|test_|/tests?\.py|conftest", relative):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        if "task" not in text or "\r" in text or not re.search(r"shared_task|app\.task|\.delay|apply_async", text):
            continue
        try:
            tree = ast.parse(text)
        except SyntaxError:
            continue
        for number, (site, node) in enumerate(sites(tree)):
            for code, kind, change in KINDS:
                if kind == site and code not in fine:
                    yield Mutation(project, root, relative, number, node.lineno, code, change)  # type: ignore[attr-defined]


def mutated(text: str, node: ast.AST, change: Change) -> str:
    """Return the text with the mistake; empty where that would not parse."""
    lines = text.split("\n")
    change(lines, node)
    made = "\n".join(lines)
    try:
        ast.parse(made)
    except SyntaxError:
        return ""
    return made if made != text else ""
