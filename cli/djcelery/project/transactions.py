"""Tell what opens a transaction: Django's `atomic`, and what a code base wraps around it."""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.context import enclosing_blocks, function_of, is_atomic, is_inside
from djcelery.project.facts import Block, Class, Function, Module, Value
from djcelery.project.lookup import Lookup
from djcelery.project.names import Definition

MANAGERS = frozenset({"contextmanager", "asynccontextmanager"})
MAX_WRAPPERS = 4  # context managers around context managers


class Transactions:
    """Follow context managers and decorators to `atomic`."""

    def __init__(self, lookup: Lookup) -> None:
        self.lookup = lookup
        self.opening: dict[str, Value | None] = {}  # by the path of the definition

    def around(self, module: Module, block: int) -> Block | Value | None:
        """Return the `with` or the decorator that puts a line into a transaction."""
        for outer in enclosing_blocks(module, block):
            if outer.kind == "atomic" or (outer.kind == "with" and outer.value and self.atomic(module, outer.value)):
                return outer
            if outer.kind == "with" and self._entered_in(module, outer):
                return outer
            if outer.kind in {"lambda", "class", "module"}:
                return None
            if outer.kind == "def":
                decorators = module.functions[outer.index].decorators
                return next((value for value in decorators if self.atomic(module, value)), None)
        return None

    def alias(self, module: Module, place: Block | Value) -> str | None:
        """Return the database that a transaction is open on; None where it cannot be seen."""
        value = place.value if isinstance(place, Block) else place
        atomic = self.atomic(module, value) if value is not None else None
        if atomic is None:
            return None
        if atomic.last == "method_decorator":
            atomic = atomic.items[0]
        using = atomic.argument(0, "using") if atomic.kind == "call" else None
        if using is None:
            return "default"
        const = using.resolved.const
        return const if isinstance(const, str) else None

    def atomic(self, module: Module, value: Value, depth: int = 0) -> Value | None:
        """Return the `atomic` behind a decorator or context manager, or None where it opens no transaction."""
        if is_atomic(value):
            return value
        if not value.name or depth > MAX_WRAPPERS:
            return None
        if value.last == "method_decorator" and value.items:
            return self.atomic(module, value.items[0], depth + 1)
        definition = self.lookup.find(module, value.name)
        if definition is None:
            return None
        if definition.path not in self.opening:
            self.opening[definition.path] = None  # it may lead back to itself
            self.opening[definition.path] = self._in_definition(definition, depth + 1)
        return self.opening[definition.path]

    def _in_definition(self, definition: Definition, depth: int) -> Value | None:
        """Return the `atomic` that a function, class or alias opens."""
        module = definition.module
        if definition.function is not None:
            if any(value.last in MANAGERS for value in definition.function.decorators):
                return self._in_manager(module, definition.function, depth)
            return self._in_decorator(module, definition.function, depth)
        if definition.cls is not None:
            return self._in_class(module, definition.cls)
        value = definition.assign.value if definition.assign is not None else None
        if value is None or value.kind not in {"name", "call"}:
            return None
        if value.last == "partial" and value.items:
            return self.atomic(module, value.items[0], depth)
        return self.atomic(module, value, depth)

    def _in_manager(self, module: Module, function: Function, depth: int) -> Value | None:
        """Return the `atomic` around the `yield` of a context manager."""
        for statement in module.raises:
            if statement.name == "<yield>" and function_of(module, statement.block) is function:
                for block in self._blocks_with(module, statement.block):
                    if block.value is not None and (atomic := self.atomic(module, block.value, depth)):
                        return atomic
        return None

    def _in_decorator(self, module: Module, function: Function, depth: int) -> Value | None:
        """Return the `atomic` around the call of the function that a decorator gets."""
        params = {param.name for param in function.params}
        for inner in module.functions:
            if inner is function or not is_inside(module, inner.block, function.block):
                continue
            for call in module.calls:
                if call.value.name not in params or function_of(module, call.block) is not inner:
                    continue
                if atomic := next((value for value in inner.decorators if is_atomic(value)), None):
                    return atomic
                for block in self._blocks_with(module, call.block):
                    if block.value is not None and (atomic := self.atomic(module, block.value, depth)):
                        return atomic
            params |= {param.name for param in inner.params}
        return None

    def _in_class(self, module: Module, cls: Class) -> Value | None:
        """Return the `atomic` that the `__enter__` of a class enters, or that the class is."""
        if any(base.endswith("transaction.Atomic") for base in cls.bases):
            return Value("call", name="django.db.transaction.Atomic")
        entering = f"{cls.name}.__enter__"
        for call in module.calls:
            function = function_of(module, call.block)
            if function is not None and function.qualname == entering and is_atomic(call.value):
                return call.value
        return None

    def _entered_in(self, module: Module, outer: Block) -> bool:
        """Return whether an `ExitStack` enters a transaction."""
        if outer.value is None or outer.value.last not in {"ExitStack", "AsyncExitStack"}:
            return False
        block = module.blocks.index(outer)
        return any(
            call.value.items and is_atomic(call.value.items[0]) and is_inside(module, call.block, block)
            for call in module.calls_to("enter_context")
        )

    @staticmethod
    def _blocks_with(module: Module, block: int) -> Iterator[Block]:
        """Yield the `with` blocks around a block, up to its function."""
        for outer in enclosing_blocks(module, block):
            if outer.kind == "def":
                return
            if outer.kind in {"with", "atomic"}:
                yield outer
