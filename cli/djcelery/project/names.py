"""Find the definition behind a dotted path, through imports, re-exports, aliases and star imports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from djcelery.project.context import find_definitions
from djcelery.project.facts import Assign, Class, Function, Module

MAX_REEXPORTS = 12
MAX_ALIASES = 10
MAX_STARS = 8


@dataclass(slots=True)
class Definition:
    """Name a definition: the module that holds it, and the function, class or assignment that it is."""

    module: Module
    name: str
    kind: str  # function, class, assign, or alias for an assignment of a name
    position: int  # in the list of its kind

    @property
    def path(self) -> str:
        """Return the full dotted path of the definition."""
        return f"{self.module.name}.{self.name}"

    @property
    def function(self) -> Function | None:
        """Return the function, or None where it is something else."""
        return self.module.item_at("functions", self.position) if self.kind == "function" else None

    @property
    def cls(self) -> Class | None:
        """Return the class, or None where it is something else."""
        return self.module.item_at("classes", self.position) if self.kind == "class" else None

    @property
    def assign(self) -> Assign | None:
        """Return the assignment, or None where it is something else."""
        return self.module.item_at("assigns", self.position) if self.kind in {"assign", "alias"} else None


class Names:
    """Index definitions; `load` reads one more module when a name leads there."""

    def __init__(self, load: Callable[[str], Module | None]) -> None:
        self.load = load
        self.modules: dict[str, Module | None] = {}
        self.indexed: dict[str, Module] = {}  # the module whose definitions count, of those with the same name
        self.definitions: dict[str, dict[str, Definition]] = {}
        self.cache: dict[str, Definition | Literal[False]] = {}

    def add(self, module: Module) -> None:
        """Index the definitions of a module, also of one that was asked for before."""
        self._index(module)
        self.cache.clear()

    def _index(self, module: Module) -> None:
        self.modules[module.name] = self.indexed[module.name] = module
        self.definitions[module.name] = {}

    def defines(self, name: str, path: str) -> bool:
        """Return whether a module with a dotted name has a definition."""
        return name in self.indexed and path in places_of_definitions(self.indexed[name])

    def definition(self, name: str, path: str) -> Definition | None:
        """Return a definition of the module with a dotted name."""
        definitions = self.definitions[name]
        if path not in definitions and self.defines(name, path):
            definitions[path] = definition_at(self.indexed[name], path)
        return definitions.get(path)

    def module(self, name: str) -> Module | None:
        """Return a module by its dotted name, and read it if it was not read yet."""
        if name not in self.modules:
            self.modules[name] = None
            loaded = self.load(name)
            if loaded is not None:
                self._index(loaded)  # nothing that is known depends on it yet
                self.modules[name] = loaded
        return self.modules[name]

    def find(self, module: Module, path: str) -> Definition | None:
        """Find what a path written in a module means: a local definition first, then an absolute one."""
        if not path or "?" in path or "(" in path:
            return None
        first = path.partition(".")[0]
        if first in module.imports or self.defines(module.name, first):
            local = self.find_absolute(f"{module.name}.{path}")
            if local is not None:
                return local
        definition = self.find_absolute(path) if "." in path else None
        return definition or self._find_through_stars(module, path, 0)

    def find_absolute(self, path: str, depth: int = 0) -> Definition | None:
        """Find the definition behind an absolute dotted path."""
        if path in self.cache:
            return self.cache[path] or None
        self.cache[path] = False
        definition = self._search(path, depth)
        self.cache[path] = definition or False
        return definition

    def _search(self, path: str, depth: int) -> Definition | None:
        """Search the longest module that the path begins with, then what that module imports."""
        if depth > MAX_REEXPORTS:
            return None
        parts = path.split(".")
        for cut in range(len(parts) - 1, 0, -1):
            module = self.module(".".join(parts[:cut]))
            if module is None:
                continue
            first, *others = parts[cut:]
            inner_path = ".".join([first, *others])
            definition = self.definition(module.name, inner_path)
            if definition is not None:
                return self._follow_alias(definition, depth)
            target = module.imports.get(first)
            if target and target != path:
                return self.find_absolute(".".join([target, *others]), depth + 1)
            return self._find_through_stars(module, inner_path, depth)
        return None

    def _follow_alias(self, definition: Definition, depth: int) -> Definition:
        """Return what an alias (`b = a`) stands for."""
        assign = definition.assign if definition.kind == "alias" else None
        if assign is None or assign.value.name == assign.target:
            return definition
        target = self.find(definition.module, assign.value.name) if depth < MAX_ALIASES else None
        return target or definition

    def _find_through_stars(self, module: Module, path: str, depth: int) -> Definition | None:
        """Find a path in the modules that a module imports with a star."""
        if depth > MAX_STARS:
            return None
        for star in module.stars:
            if star != module.name and (definition := self.find_absolute(f"{star}.{path}", depth + 1)):
                return definition
        return None


def places_of_definitions(module: Module) -> dict[str, tuple[str, int]]:
    """Return in which list of a module each definition is, and at which position."""
    return module.remembered("definitions", find_definitions)


def definition_at(module: Module, name: str) -> Definition:
    """Return a definition of a module."""
    return Definition(module, name, *places_of_definitions(module)[name])
