"""Names across files: what a dotted path means, through imports, re-exports and star imports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from djcelery.project.facts import Assign, Class, Function, Module


@dataclass(slots=True)
class Found:
    """A definition: which module holds it, and which of the three it is."""

    module: Module
    name: str
    function: Function | None = None
    cls: Class | None = None
    assign: Assign | None = None

    @property
    def path(self) -> str:
        """The full dotted path of the definition."""
        return f"{self.module.name}.{self.name}"


class Names:
    """An index of definitions; `load` reads one more module when a name leads there."""

    def __init__(self, load: Callable[[str], Module | None]) -> None:
        self.load = load
        self.modules: dict[str, Module | None] = {}
        self.defined: dict[str, dict[str, Found]] = {}
        self.memory: dict[str, Found | Literal[False]] = {}

    def add(self, module: Module) -> None:
        """Make the definitions of a module findable."""
        self.modules[module.name] = module
        found: dict[str, Found] = {}
        for assign in module.assigns:
            if "." not in assign.target and assign.how == "=" and not in_function(module, assign.block):
                found[assign.target] = Found(module, assign.target, assign=assign)
        for cls in module.classes:
            if not in_function(module, cls.parent):
                found[cls.name] = Found(module, cls.name, cls=cls)
        for function in module.functions:
            if function.cls < 0 and "<locals>" not in function.qualname:
                found[function.name] = Found(module, function.name, function=function)
            elif function.cls >= 0 and "<locals>" not in function.qualname:
                found[function.qualname] = Found(module, function.qualname, function=function)
        self.defined[module.name] = found
        self.memory.clear()

    def module(self, name: str) -> Module | None:
        """A module by its dotted name, read now if it was not yet."""
        if name not in self.modules:
            self.modules[name] = None
            loaded = self.load(name)
            if loaded is not None:
                self.add(loaded)
                self.modules[name] = loaded
        return self.modules[name]

    def find(self, module: Module, path: str) -> Found | None:
        """What a path written in a module means: a local definition first, then an absolute one."""
        if not path or "?" in path or "(" in path:
            return None
        first = path.partition(".")[0]
        if first in self.defined.get(module.name, {}) or any(first == name for name in module.imports):
            local = self.absolute(f"{module.name}.{path}")
            if local is not None:
                return local
        found = self.absolute(path) if "." in path else None
        return found or self.through_stars(module, path, 0)

    def absolute(self, path: str, depth: int = 0) -> Found | None:
        """The definition behind an absolute dotted path."""
        if path in self.memory:
            return self.memory[path] or None
        self.memory[path] = False
        found = self.look(path, depth)
        self.memory[path] = found or False
        return found

    def look(self, path: str, depth: int) -> Found | None:
        if depth > 12:
            return None
        parts = path.split(".")
        for cut in range(len(parts) - 1, 0, -1):
            module = self.module(".".join(parts[:cut]))
            if module is None:
                continue
            rest = parts[cut:]
            held = self.defined[module.name]
            whole = held.get(".".join(rest)) or (held.get(rest[0]) if len(rest) == 1 else None)
            if whole is not None:
                return self.follow(whole, depth)
            target = module.imports.get(rest[0])
            if target and target != path:
                return self.absolute(".".join([target, *rest[1:]]), depth + 1)
            return self.through_stars(module, ".".join(rest), depth)
        return None

    def follow(self, found: Found, depth: int) -> Found:
        """An alias (`b = a`) leads on to what it stands for."""
        assign = found.assign
        if assign is None or assign.value.kind != "name" or assign.value.name == assign.target:
            return found
        further = self.find(found.module, assign.value.name) if depth < 10 else None
        return further or found

    def through_stars(self, module: Module, path: str, depth: int) -> Found | None:
        if depth > 8:
            return None
        for star in module.stars:
            if star != module.name and (found := self.absolute(f"{star}.{path}", depth + 1)):
                return found
        return None


def in_function(module: Module, block: int) -> bool:
    """Whether a block lies inside a function or lambda."""
    while block >= 0:
        if module.blocks[block].kind in {"def", "lambda"}:
            return True
        block = module.blocks[block].parent
    return False
