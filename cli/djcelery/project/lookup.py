"""Look values up across files: what a name, a number, a text or a spread dict stands for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from djcelery.project.facts import Module, Value
from djcelery.project.files import Tree
from djcelery.project.names import Definition, Names
from djcelery.project.packing import PackedModule, pack
from djcelery.project.reading import module_at

MAX_ASSIGNMENTS = 6  # that a name is followed through, across modules
MAX_SPREADS = 5


class Lookup:
    """Follow names through the modules of a code base, and read more modules where they lead there."""

    def __init__(self, tree: Tree, modules: list[Module]) -> None:
        self.tree = tree
        self.layout = tree.layout
        self.extra_modules: list[Module] = []  # read only because a name led there
        self.whole_modules: dict[str, Module] = {}
        self.names = Names(self._load)
        self._by_path = {module.path: module for module in modules}
        for module in modules:
            self.names.add(module)

    def _load(self, name: str) -> Module | None:
        """Read the module with a dotted name."""
        path = self.layout.path(name)
        if path is None:
            return None
        if path in self._by_path:  # under another name, by a link
            return self._by_path[path]
        try:
            module = module_at(self.tree, path, self.layout.name(path))
        except OSError:
            return None
        if module.name != name:
            module = PackedModule(pack(module))  # a copy
            module.name = name
        self._by_path[path] = module
        self.extra_modules.append(module)
        return module

    def whole(self, module: Module) -> Module:
        """Return a module with every body read, also those that no rule asks for at first."""
        if module.path not in self.whole_modules:
            try:
                self.whole_modules[module.path] = module_at(self.tree, module.path, module.name, whole=True)
            except OSError:
                return module
        return self.whole_modules[module.path]

    def find(self, module: Module, path: str) -> Definition | None:
        """Find the definition behind a dotted path that is written in a module."""
        return self.names.find(module, path)

    def may_find(self, module: Module, first: str) -> bool:
        """Return whether a path that begins with this name may lead anywhere from a module."""
        return first in self.layout.first_names or self.is_bound(module, first)

    def is_bound(self, module: Module, first: str) -> bool:
        """Return whether a name may mean something in a module that it does not mean in every other."""
        return first in module.imports or bool(module.stars) or self.names.defines(module.name, first)

    def find_class(self, module: Module, path: str) -> Definition | None:
        """Find the class behind a dotted path that is written in a module."""
        definition = self.names.find(module, path)
        return definition if definition is not None and definition.cls is not None else None

    def resolve(self, module: Module, value: Value, depth: int = 0) -> Value:
        """Return the value that a name is bound to, here or in another module; any other value as it is."""
        resolved = value.resolved
        if resolved.kind != "name" or depth > MAX_ASSIGNMENTS:
            return resolved
        definition = self.find(module, resolved.name)
        if definition is None or definition.assign is None or definition.assign.value is resolved:
            return resolved
        return self.resolve(definition.module, definition.assign.value, depth + 1)

    def home(self, module: Module, value: Value) -> Module:
        """Return the module in which the text of a value stands."""
        resolved = value.resolved
        definition = self.find(module, resolved.name) if resolved.kind == "name" else None
        if definition is None or definition.assign is None or definition.assign.value is resolved:
            return module
        return self.home(definition.module, definition.assign.value)

    def number(self, module: Module, value: Value | None) -> float | None:
        """Return a constant number, also one that a name is bound to."""
        if value is None:
            return None
        const = self.resolve(module, value).const
        return const if isinstance(const, int | float) and not isinstance(const, bool) else None

    def text(self, module: Module, value: Value | None) -> str | None:
        """Return a constant text, also one that a name is bound to."""
        if value is None:
            return None
        resolved = self.resolve(module, value)
        return resolved.const if resolved.kind == "const" and isinstance(resolved.const, str) else None

    def spread_options(self, module: Module, value: Value, depth: int = 0) -> dict[str, Value] | None:
        """Return the options that `**value` stands for; None where they cannot all be seen."""
        home, resolved = self.home(module, value), self.resolve(module, value)
        if resolved.kind != "dict" or depth > MAX_SPREADS:
            return None
        options: dict[str, Value] = {}
        for key, item in zip(resolved.keys, resolved.items, strict=True):
            if key.kind == "star":
                inner = self.spread_options(home, item, depth + 1)
                if inner is None:
                    return None
                options |= inner
            elif key.kind == "const":
                options[str(key.const)] = self.resolve(home, item)
            else:
                return None
        return options

    def comes_from(self, module: Module, base: str, endings: tuple[str, ...], foreign: frozenset[str]) -> bool:
        """Return whether a base class leads to a class out of sight with such a name, but not of a foreign package."""
        return any(
            definition is None and ancestor.endswith(endings) and ancestor.partition(".")[0] not in foreign
            for _, ancestor, definition in self.ancestors(module, base)
        )

    def inherits_from(self, module: Module, base: str, endings: tuple[str, ...]) -> bool:
        """Return whether a base class is, or inherits from, a class whose path ends with one of `endings`."""
        return any(ancestor.endswith(endings) for _, ancestor, _ in self.ancestors(module, base))

    def ancestors(
        self, module: Module, base: str, stops: Callable[[Module, str], bool] | None = None
    ) -> Iterator[tuple[Module, str, Definition | None]]:
        """Yield a base class and each one that it inherits from, once: its module, its path there, its definition.

        The bases of a class for which `stops` is true are not followed. Classes may inherit from each other in a
        circle: the code is not run.
        """
        visited: set[str] = set()
        waiting = [(module, base)]
        while waiting:
            module, base = waiting.pop()
            definition = self.find_class(module, base.replace(":", "."))
            key = definition.path if definition else base
            if key in visited:
                continue
            visited.add(key)
            yield module, base, definition
            if definition is not None and definition.cls is not None and not (stops and stops(module, base)):
                waiting += [(definition.module, outer) for outer in reversed(definition.cls.bases)]
