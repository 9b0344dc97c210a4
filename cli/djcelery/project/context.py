"""Where a line stands: in a transaction, after its commit, in a loop, in which function, in the role of what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from djcelery.project.facts import Block, Class, Function, Module, Value

MODEL_SIGNALS = frozenset({"pre_save", "post_save", "pre_delete", "post_delete", "m2m_changed"})
VIEW_BASES = ("View", "ViewSet", "APIView", "ViewMixin", "ViewSetMixin")
HTTP_METHODS = frozenset(
    "get post put patch delete dispatch form_valid list create retrieve update destroy partial_update "
    "perform_create perform_update perform_destroy".split()
)
SAVING = frozenset("save delete save_model save_related save_formset delete_model create update".split())


def up(module: Module, block: int) -> Iterator[Block]:
    """The block and those around it, innermost first."""
    while block >= 0:
        yield module.blocks[block]
        block = module.blocks[block].parent


def inside(module: Module, block: int, outer: int) -> bool:
    """Whether a block is `outer` or lies in it."""
    while block >= 0:
        if block == outer:
            return True
        block = module.blocks[block].parent
    return False


def function_of(module: Module, block: int) -> Function | None:
    """The function that a block belongs to."""
    for each in up(module, block):
        if each.kind == "def":
            return module.functions[each.index]
    return None


def class_of(module: Module, function: Function | None) -> Class | None:
    """The class of a method."""
    return module.classes[function.cls] if function and function.cls >= 0 else None


def near(module: Module, block: int) -> Iterator[Block]:
    """The blocks around, up to the function, lambda or class that runs at another time."""
    for each in up(module, block):
        if each.kind in {"def", "lambda", "class"}:
            return
        yield each


def within(module: Module, block: int, kind: str) -> Block | None:
    """The nearest block of a kind in the same function."""
    return next((each for each in near(module, block) if each.kind == kind), None)


def at_import(module: Module, block: int) -> bool:
    """Whether a line runs when its module is imported."""
    for each in up(module, block):
        if each.kind in {"def", "lambda"} or (each.kind == "if" and {"__name__", "TYPE_CHECKING"} & set(each.names)):
            return False
    return True


def is_atomic(value: Value) -> bool:
    """Whether a decorator or context manager opens a transaction."""
    if value.name.endswith("transaction.atomic") or value.name.endswith("transaction.commit_on_success"):
        return True
    return value.last == "method_decorator" and bool(value.items) and is_atomic(value.items[0])


def transaction_of(module: Module, block: int) -> Block | Value | None:
    """The `with atomic()` or the decorator that puts a line into a transaction."""
    for each in up(module, block):
        if each.kind == "atomic":
            return each
        if each.kind in {"lambda", "class", "module"}:
            return None
        if each.kind == "def":
            decorators = module.functions[each.index].decorators
            return next((value for value in decorators if is_atomic(value)), None)
    return None


def leaves_transaction(module: Module, block: int) -> bool:
    """Whether the atomic block around is a durable or a rolled-back play: never true for a plain one."""
    return within(module, block, "except") is not None and transaction_of(module, block) is None


def after_commit(module: Module, block: int) -> bool:
    """Whether a line runs only when the transaction has been committed."""
    for each in up(module, block):
        if each.kind == "lambda" and "commit" in each.names[0].rpartition(".")[2]:
            return True
        if each.kind == "def" and commits_later(module, module.functions[each.index]):
            return True
    return False


def commits_later(module: Module, function: Function) -> bool:
    if any("commit" in value.last for value in function.decorators if not is_atomic(value)):
        return True
    return any(
        function.name in {item.name.rpartition(".")[2] for item in given(call.value)}
        for last, calls in module.calls_by_last.items()
        if "on_commit" in last
        for call in calls
    )


def given(value: Value) -> list[Value]:
    """The functions a call is given, seen through `partial`."""
    found = []
    for item in [*value.items, *value.named.values()]:
        if item.kind == "call" and item.items and item.last == "partial":
            found.append(item.items[0])
        elif item.kind == "lambda" and item.recv is not None:
            found.append(item.recv)
        else:
            found.append(item)
    return found


def signals_of(module: Module, function: Function) -> set[str]:
    """The signals a function receives, by their last names."""
    found = set()
    for value in function.decorators:
        if value.last == "receiver":
            for item in value.items[:1]:
                each = item.items if item.kind in {"list", "tuple"} else [item]
                found |= {signal.last for signal in each}
    for call in module.called("connect"):
        value = call.value
        if value.items and value.items[0].name == function.name and function.cls < 0:
            found.add(value.root.rpartition(".")[2])
    return found


def is_view(module: Module, function: Function) -> bool:
    """Whether a function answers HTTP requests."""
    cls = class_of(module, function)
    if cls is not None:
        return function.name in HTTP_METHODS and any(base.endswith(VIEW_BASES) for base in cls.bases)
    if any(
        value.last in {"api_view", "require_POST", "login_required", "require_http_methods"}
        for value in function.decorators
    ):
        return bool(function.params)
    in_views = module.path.endswith("views.py") or "/views/" in module.path
    return in_views and bool(function.params) and function.params[0].name == "request"


def is_saving(module: Module, function: Function) -> bool:
    """Whether a function is the save or delete of a model, form, serializer or admin."""
    cls = class_of(module, function)
    if cls is None or function.name not in SAVING:
        return False
    kinds: tuple[str, ...] = ("Model", "Form", "ModelForm", "Serializer", "ModelSerializer", "ModelAdmin")
    if function.name in {"create", "update"}:
        kinds = ("Serializer", "ModelSerializer")
    elif function.name.endswith(("_model", "_related", "_formset")):
        kinds = ("Admin", "ModelAdmin")
    return any(base.endswith(kinds) for base in cls.bases)


ASIDE = re.compile(
    r"tests?|testing|test_?(suite|utils|project|app|settings|data)|tests?_\w+|e2e|examples?|samples?|docs"
)


@cache
def is_test(path: str) -> bool:
    """Whether a file belongs to tests, examples or documentation."""
    folders, _, name = path.rpartition("/")
    if (
        name.startswith(("test_", "conftest"))
        or name.endswith(("_test.py", "_tests.py"))
        or name in {"tests.py", "testing.py"}
    ):
        return True
    return any(ASIDE.fullmatch(part) for part in folders.split("/"))


def is_migration(path: str) -> bool:
    """Whether a file is a migration."""
    return "/migrations/" in f"/{path}"
