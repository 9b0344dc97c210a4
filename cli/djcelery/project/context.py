"""Tell where a line stands: in a transaction, after its commit, in a loop, in a view, in a test."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache

from djcelery.project.facts import Block, Class, Function, Module, Value

MODEL_SIGNALS = frozenset({"pre_save", "post_save", "pre_delete", "post_delete", "m2m_changed"})
NOT_THE_PROJECT = re.compile(
    r"tests?|testing|test_?(suite|utils|project|app|settings|data)|tests?_\w+|e2e|examples?|samples?|docs"
)
TEST_SETTINGS = re.compile(r"(^|[/_.])(tests?|testing|ci|pytest)([/_.]|$)")
LOCAL_SETTINGS = re.compile(
    r"(^|[/_.])(dev|devel|development|local|sandbox|demo|example|docker|devstack|debug|gitpod)([/_.]|$)"
)


# -- blocks


def enclosing_blocks(module: Module, block: int) -> Iterator[Block]:
    """Yield the block and those around it, innermost first."""
    while block >= 0:
        yield module.blocks[block]
        block = module.blocks[block].parent


def is_inside(module: Module, block: int, outer: int) -> bool:
    """Return whether a block is `outer` or lies in it."""
    while block >= 0:
        if block == outer:
            return True
        block = module.blocks[block].parent
    return False


def is_in_function(module: Module, block: int) -> bool:
    """Return whether a block lies inside a function or lambda."""
    while block >= 0:
        if module.blocks[block].kind in {"def", "lambda"}:
            return True
        block = module.blocks[block].parent
    return False


def function_of(module: Module, block: int) -> Function | None:
    """Return the function that a block belongs to."""
    for outer in enclosing_blocks(module, block):
        if outer.kind == "def":
            return module.functions[outer.index]
    return None


def class_of(module: Module, function: Function | None) -> Class | None:
    """Return the class of a method."""
    return module.classes[function.class_index] if function and function.class_index >= 0 else None


def blocks_in_function(module: Module, block: int) -> Iterator[Block]:
    """Yield the blocks around, up to the function, lambda or class, which runs at another time."""
    for outer in enclosing_blocks(module, block):
        if outer.kind in {"def", "lambda", "class"}:
            return
        yield outer


def enclosing_block(module: Module, block: int, kind: str) -> Block | None:
    """Return the nearest block of a kind in the same function."""
    return next((outer for outer in blocks_in_function(module, block) if outer.kind == kind), None)


def at_import(module: Module, block: int) -> bool:
    """Return whether a line runs when its module is imported."""
    for outer in enclosing_blocks(module, block):
        if outer.kind in {"def", "lambda"}:
            return False
        if outer.kind == "if" and {"__name__", "TYPE_CHECKING"} & set(outer.names):
            return False
    return True


def find_definitions(module: Module) -> dict[str, tuple[str, int]]:
    """Find the places of the definitions of a module; the last one of a name counts."""
    places: dict[str, tuple[str, int]] = {}
    for position, assign in enumerate(module.assigns):
        if "." not in assign.target and assign.operator == "=" and not is_in_function(module, assign.block):
            places[assign.target] = "alias" if assign.value.kind == "name" else "assign", position
    for position, cls in enumerate(module.classes):
        if not is_in_function(module, cls.parent):
            places[cls.name] = "class", position
    for position, function in enumerate(module.functions):
        if "<locals>" not in function.qualname:
            places[function.name if function.class_index < 0 else function.qualname] = "function", position
    return places


def decorated_functions(module: Module, is_wanted: Callable[[str], bool]) -> list[Function]:
    """Return the functions with a wanted decorator, which is asked for by its path."""
    decorated = module.remembered("decorated functions", find_decorated)
    return module.items_at("functions", [position for position, paths in decorated if any(map(is_wanted, paths))])


def find_decorated(module: Module) -> list[tuple[int, list[str]]]:
    """Find the positions of the functions with decorators, and the paths of these."""
    return [
        (position, [decorator.name for decorator in function.decorators])
        for position, function in enumerate(module.functions)
        if function.decorators
    ]


def called_in(module: Module, position: int) -> list[str]:
    """Return the paths that are called in the function at a position, which stands in no other function."""
    return module.remembered("called in functions", find_called).get(position, [])


def find_called(module: Module) -> dict[int, list[str]]:
    """Find the paths that are called in each function that stands in no other, by its position."""
    owners: list[int] = []  # of each block, the position of that function, -1 for none
    called: dict[int, dict[str, None]] = {}
    for index, block in enumerate(module.blocks):
        is_own = block.kind == "def" and "<locals>" not in module.functions[block.index].qualname
        owners.append(block.index if is_own else owners[block.parent] if index else -1)
    for call in module.calls:
        if owners[call.block] >= 0:
            called.setdefault(owners[call.block], {})[call.value.name] = None
    return {position: [*paths] for position, paths in called.items()}


def assigned_calls(module: Module) -> list[tuple[str, str, int]]:
    """Return the target, the path and the position of each assignment (`=`) of a call."""
    return module.remembered("assigned calls", find_assigned_calls)


def find_assigned_calls(module: Module) -> list[tuple[str, str, int]]:
    """Find the assignments of calls."""
    return [
        (assign.target, assign.value.name, position)
        for position, assign in enumerate(module.assigns)
        if assign.value.kind == "call" and assign.operator == "="
    ]


# -- transactions


def is_atomic(value: Value) -> bool:
    """Return whether a decorator or context manager opens a transaction."""
    if value.name.endswith(("transaction.atomic", "transaction.commit_on_success")):
        return True
    return value.last == "method_decorator" and bool(value.items) and is_atomic(value.items[0])


def after_commit(module: Module, block: int) -> bool:
    """Return whether a line runs only when the transaction has been committed."""
    for outer in enclosing_blocks(module, block):
        if outer.kind == "lambda" and "commit" in outer.names[0].rpartition(".")[2]:
            return True
        if outer.kind == "def" and runs_after_commit(module, module.functions[outer.index]):
            return True
    return False


def runs_after_commit(module: Module, function: Function) -> bool:
    """Return whether a function is run on commit, by a decorator or because it is passed to `on_commit`."""
    if any("commit" in value.last for value in function.decorators if not is_atomic(value)):
        return True
    return function.name in module.remembered("passed to on_commit", names_passed_to_on_commit)


def names_passed_to_on_commit(module: Module) -> set[str]:
    """Return the last names of the functions that a module passes to `on_commit`."""
    return {
        argument.name.rpartition(".")[2]
        for call in module.calls_to(*(last for last in module.positions_by_last if "on_commit" in last))
        for argument in functions_passed(call.value)
    }


def functions_passed(value: Value) -> list[Value]:
    """Return the functions that are passed to a call, also inside of `partial`."""
    functions = []
    for argument in [*value.items, *value.keywords.values()]:
        if argument.kind == "call" and argument.items and argument.last == "partial":
            functions.append(argument.items[0])
        elif argument.kind == "lambda" and argument.receiver is not None:
            functions.append(argument.receiver)
        else:
            functions.append(argument)
    return functions


# -- the role of a function


def signals_of(module: Module, function: Function) -> set[str]:
    """Return the last names of the signals that a function receives."""
    signals = set()
    for value in function.decorators:
        if value.last == "receiver":
            for argument in value.items[:1]:
                received = argument.items if argument.kind in {"list", "tuple"} else [argument]
                signals |= {signal.last for signal in received}
    if function.class_index < 0:
        signals |= module.remembered("connected signals", signals_by_receiver).get(function.name, set())
    return signals


def signals_by_receiver(module: Module) -> dict[str, set[str]]:
    """Return the last names of the signals that a module connects, by the function that receives them."""
    signals: dict[str, set[str]] = {}
    for call in module.calls_to("connect"):
        if call.value.items:
            signals.setdefault(call.value.items[0].name, set()).add(call.value.root.rpartition(".")[2])
    return signals


# -- the role of a file


@cache
def is_test(path: str) -> bool:
    """Return whether a file belongs to tests, examples or documentation."""
    folders, _, name = path.rpartition("/")
    if (
        name.startswith(("test_", "conftest"))
        or name.endswith(("_test.py", "_tests.py"))
        or name in {"tests.py", "testing.py"}
    ):
        return True
    return any(NOT_THE_PROJECT.fullmatch(folder) for folder in folders.split("/"))


def is_migration(path: str) -> bool:
    """Return whether a file is a migration; a package below `migrations` is not."""
    return path.rpartition("/")[0].rpartition("/")[2] == "migrations"


@cache
def is_test_settings(path: str) -> bool:
    """Return whether the name of a settings file says that it holds in tests only."""
    return bool(TEST_SETTINGS.search(path.rpartition("/")[2]))


@cache
def is_local_settings(path: str) -> bool:
    """Return whether the path of a settings file says that it holds on a developer's machine only."""
    return bool(LOCAL_SETTINGS.search("/".join(path.split("/")[-2:])))
