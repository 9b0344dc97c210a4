"""Keep the state of a walk over a syntax tree: the current block, and what each name is bound to."""

from __future__ import annotations

import ast
import re
from functools import cached_property
from typing import Any

from djcelery.project.facts import MAX_HOPS, Assign, Block, Call, Module, Value

CONTAINERS = frozenset({"dict", "list", "set", "comp", "call"})
NEWLINE = re.compile(r"\r\n|\r|\n")


class Walk:
    """Hold the facts of one module while it is read, and where the walk stands."""

    def __init__(self, module: Module, text: str, relevant: list[int]) -> None:
        self.module = module
        self.text = text
        self.relevant = relevant  # the numbers of the lines that can matter
        self.block = 0
        self.function_index = -1
        self.class_index = -1
        self.bindings: dict[str, Value] = {}
        self.module_bindings: dict[str, Value] = {}
        self.module_names: set[str] = set()  # that the module imports or defines
        self.enclosing_bindings: dict[str, Value] | None = None  # of a class: those that its methods see
        self.calls_by_variable: dict[str, Call] = {}  # the call whose result a variable holds
        self.exception_names: list[str] = []  # bound by the handlers around the current line
        self.argument_of: tuple[str, str] = ("", "")  # function and keyword of the argument that is being read
        module.blocks.append(Block(-1, "module", 1))

    @cached_property
    def lines(self) -> list[bytes]:
        """Return the lines as bytes: the columns of a syntax tree count those."""
        lines = NEWLINE.split(self.text) if "\r" in self.text else self.text.split("\n")
        return [line.encode("utf-8", "replace") for line in lines]

    def in_parentheses(self, node: ast.expr) -> bool:
        """Return whether an expression stands in parentheses that are not part of it."""
        before = self.lines[node.lineno - 1][: node.col_offset].rstrip()
        after = self.lines[(node.end_lineno or node.lineno) - 1][node.end_col_offset or 0 :].lstrip()
        return before.endswith(b"(") and after.startswith(b")")

    def enter(self, kind: str, node: Any, **attributes: Any) -> int:
        """Begin a new block and return the one to go back to."""
        outer = self.block
        line, col = getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
        self.module.blocks.append(Block(outer, kind, line, col, **attributes))
        self.block = len(self.module.blocks) - 1
        return outer

    def bind(self, target: ast.expr, value: Value) -> None:
        """Bind every name of a target to a value."""
        for name in target_names(target):
            self.bindings[name] = value
            self.calls_by_variable.pop(name, None)

    def bind_assigned(self, name: str, value: Value) -> None:
        """Bind a name that is assigned to."""
        self.calls_by_variable.pop(name, None)
        self.bindings[name] = value

    def binding(self, name: str) -> Value | None:
        """Return what a name is bound to, unless that is too many assignments away."""
        origin = self.bindings.get(name)
        return origin if origin is not None and origin.hops < MAX_HOPS else None

    def forget_contents(self, node: ast.expr) -> None:
        """Forget what a variable holds that was changed in place."""
        if (
            isinstance(node, ast.Name)
            and (bound := self.bindings.get(node.id)) is not None
            and bound.kind in CONTAINERS
        ):
            self.bindings[node.id] = Value("other")

    def record_assign(self, name: str, value: Value, operator: str, node: Any, key: Value | None = None) -> None:
        """Add an assignment to the facts, unless it only sets a local variable."""
        local = self.function_index >= 0 and "." not in name and operator == "="
        if name and (not local or self.is_declared_global(name)):
            self.module.assigns.append(Assign(name, value, self.block, operator, node.lineno, node.col_offset, key))

    def is_declared_global(self, name: str) -> bool:
        """Return whether the current function declares a name as global."""
        body = self.module.functions[self.function_index].block
        return any(name == declared and block == body for declared, block, _ in self.module.global_names)

    def path(self, node: ast.expr) -> str:
        """Return the dotted path with imports resolved; calls on the way show as `()`, anything else as `?`.

        A local name that hides one of the module begins with `?`, so that it cannot be taken for that.
        """
        if isinstance(node, ast.Name):
            name = node.id
            bound = self.bindings.get(name)
            if bound is None or bound is self.module_bindings.get(name):
                return self.module.imports.get(name, name)
            hides = self.function_index >= 0 and (name in self.module_names or name in self.module.imports)
            return f"?.{name}" if hides else name
        if isinstance(node, ast.Attribute):
            return f"{self.path(node.value)}.{node.attr}"
        if isinstance(node, ast.Call):
            return f"{self.path(node.func)}()"
        if isinstance(node, ast.Subscript):
            return f"{self.path(node.value)}[]"
        return "?"

    def qualname(self, name: str) -> str:
        """Return the qualified name of a definition in the current block."""
        parts = [name]
        block = self.module.blocks[self.block]
        while block.parent >= 0:
            if block.kind == "def":
                parts += ["<locals>", self.module.functions[block.index].name]
            elif block.kind == "class":
                parts.append(self.module.classes[block.index].name)
            block = self.module.blocks[block.parent]
        return ".".join(reversed(parts))


def target_names(target: ast.expr) -> list[str]:
    """Return the plain names that a target binds."""
    return [node.id for node in ast.walk(target) if isinstance(node, ast.Name)]
