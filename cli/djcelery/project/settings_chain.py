"""Follow a settings module through the modules that it takes its settings from, and read its lists and databases."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count

from djcelery.project.context import enclosing_blocks
from djcelery.project.facts import Assign, Module, Value
from djcelery.project.lookup import Lookup

MAX_DEPTH = 12
_ORDER = count()
INCLUDING = frozenset({"split_settings.tools.include"})
RUNNING = frozenset({"exec", "execfile"})
OPTIONAL = frozenset({"split_settings.tools.optional"})
COPYING = {"list": "list", "tuple": "tuple"}
SPREADING = frozenset({"list", "tuple"})
GROWING = {"append": 0, "insert": 1, "extend": 0}  # methods of a list, and which argument is added
BRANCHES = frozenset({"if", "else", "try", "except", "finally", "loop", "with"})


@dataclass(frozen=True, slots=True)
class Place:
    """Name the display of a list that a setting begins with: a literal to which an element can be added."""

    module: Module
    value: Value
    order: int  # in which the displays were read: what a list is built on comes before what is added to it
    conditional: bool = False

    @property
    def key(self) -> tuple[str, int, int]:
        """Return what tells two places apart."""
        return self.module.path, self.value.line, self.value.col


@dataclass(slots=True)
class ListSetting:
    """Describe a setting that is a list or a tuple, as far as its text tells."""

    names: list[str] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)  # in the order of the elements
    kind: str = ""  # list, tuple, or empty where it cannot be seen
    complete: bool = True  # whether every element is known

    @property
    def place(self) -> Place | None:
        """Return where an element is added: in the module that the list begins in, to its last certain display."""
        certain = [place for place in self.places if not place.conditional]
        home = min(certain, key=lambda place: place.order).module if certain else None
        return next((place for place in reversed(certain) if place.module is home), None)

    def add(self, other: ListSetting) -> None:
        """Add the elements of another list."""
        self.names += other.names
        self.places += other.places
        self.complete &= other.complete


@dataclass(frozen=True, slots=True)
class Database:
    """Describe an entry of DATABASES; the engine is empty where only the environment tells it."""

    alias: str
    engine: str
    source: str  # literal, url, later
    path: str
    line: int


class SettingsChain:
    """Know the modules that make up one settings module, in the order in which Python runs them."""

    def __init__(self, name: str, lookup: Lookup) -> None:
        self.name = name
        self.lookup = lookup

    @property
    def exists(self) -> bool:
        """Return whether the module is a file of this code base."""
        return self.lookup.names.module(self.name) is not None

    @cached_property
    def modules(self) -> list[Module]:
        """Return the modules whose settings count, those that are run first before the others."""
        modules: list[Module] = []
        self._follow(self.name, modules, set(), 0)
        return modules

    @property
    def unseen(self) -> list[tuple[Module, str]]:
        """Return what sets settings out of sight, with the module that takes them: packages, and files that are run."""
        names = self.lookup.names
        stars = [(module, star) for module in self.modules for star in module.stars if names.module(star) is None]
        runs = [
            (module, call.value.name)
            for module in self.modules
            for call in module.calls
            if call.value.name in RUNNING and _is_at_import(module, call.block)
        ]
        return stars + runs

    def closure(self, module: Module) -> set[str]:
        """Return the paths of a module and of those whose names it takes over."""
        modules: list[Module] = []
        self._follow(module.name, modules, set(), 0)
        return {member.path for member in modules}

    def assigns(self, name: str) -> list[tuple[Module, Assign]]:
        """Return the assignments to a name at the top of the modules, in order; those in branches too."""
        return [
            (module, assign)
            for module in self.modules
            for assign in module.assigns
            if assign.target == name and _is_at_import(module, assign.block)
        ]

    def list_setting(self, name: str) -> ListSetting | None:
        """Return a setting such as INSTALLED_APPS; None where it is not set here."""
        setting: ListSetting | None = None
        for module in self.modules:
            for assign in self._own_assigns(module, name):
                conditional = is_conditional(module, assign.block)
                part = self._read(module, assign.value, name, setting, conditional, 0)
                if assign.operator == "=" and not conditional:
                    setting = part
                elif setting is None:
                    setting = part
                    setting.complete = False
                elif assign.operator == "=":
                    _merge_branch(setting, part)
                else:
                    setting.add(part)
            for part in self._grown(module, name):
                if setting is not None:
                    setting.add(part)
        return setting

    @cached_property
    def databases(self) -> list[Database]:
        """Return the databases by the order of their text; an alias that is set twice counts as it is set last."""
        databases: dict[str, Database] = {}
        for module, assign in self.assigns("DATABASES"):
            if assign.operator == "[]" and assign.key is not None and isinstance(assign.key.const, str):
                alias = assign.key.const
                databases[alias] = self._database(module, alias, assign.value, "later")
            elif assign.operator == "=":
                for database in self._in_display(module, assign.value):
                    databases[database.alias] = database
        return list(databases.values())

    def text(self, name: str) -> str | None:
        """Return the text that a setting is set to last; None where it is not a constant."""
        values = [self.lookup.text(module, assign.value) for module, assign in self.assigns(name)]
        return values[-1] if values else None

    def value(self, name: str) -> tuple[Module, Value] | None:
        """Return the value that a setting is set to last, with its module."""
        assigns = [(module, assign.value) for module, assign in self.assigns(name) if assign.operator == "="]
        return assigns[-1] if assigns else None

    def _follow(self, name: str, modules: list[Module], visited: set[str], depth: int) -> None:
        module = self.lookup.names.module(name)
        if module is None or module.path in visited or depth > MAX_DEPTH:
            return
        visited.add(module.path)
        for star in module.stars:
            self._follow(star, modules, visited, depth + 1)
        for included in self._included(module):
            self._follow(included, modules, visited, depth + 1)
        modules.append(module)

    def _included(self, module: Module) -> Iterator[str]:
        """Yield the modules that django-split-settings includes, by paths or patterns beside the module."""
        folder = module.path.rpartition("/")[0]
        for call in module.calls:
            if call.value.name not in INCLUDING:
                continue
            for item in call.value.items:
                inner = item.items[0] if item.kind == "call" and item.name in OPTIONAL and item.items else item
                pattern = self.lookup.text(module, inner)
                if pattern is not None:
                    full = f"{folder}/{pattern}" if folder else pattern
                    paths = sorted(path for path in self.lookup.layout.paths if fnmatch.fnmatchcase(path, full))
                    yield from (self.lookup.layout.name(path) for path in paths if path != module.path)

    def _own_assigns(self, module: Module, name: str) -> list[Assign]:
        return [
            assign
            for assign in module.assigns
            if assign.target == name and assign.operator in {"=", "+="} and _is_at_import(module, assign.block)
        ]

    def _grown(self, module: Module, name: str) -> Iterator[ListSetting]:
        for call in module.calls:
            holder, _, method = call.value.name.rpartition(".")
            if holder != name or method not in GROWING or len(call.value.items) <= GROWING[method]:
                continue
            value = call.value.items[GROWING[method]]
            if method == "extend":
                yield self._read(module, value, name, None, True, 0)
            else:
                text = self.lookup.text(module, value)
                yield ListSetting(names=[text] if text else [], complete=text is not None)

    def _read(
        self, module: Module, value: Value, name: str, before: ListSetting | None, conditional: bool, depth: int
    ) -> ListSetting:
        """Read an expression that makes a list; `before` is what the setting held until then."""
        if depth > MAX_DEPTH:
            return ListSetting(complete=False)
        if value.kind in COPYING:
            return self._read_display(module, value, name, before, conditional, depth)
        if value.kind == "op" and value.name == "Add":
            left, right = (self._read(module, item, name, before, conditional, depth + 1) for item in value.items)
            result = ListSetting(kind=left.kind or right.kind)
            result.add(left)
            result.add(right)
            return result
        if value.kind == "op" and value.name == "IfExp":
            result = ListSetting()
            for item in value.items:
                part = self._read(module, item, name, before, True, depth + 1)
                result.kind = result.kind or part.kind
                result.add(part)
            return result
        if value.kind == "call" and value.name in SPREADING and len(value.items) == 1:
            inner = self._read(module, value.items[0], name, before, conditional, depth + 1)
            return ListSetting(inner.names, inner.places, value.name, inner.complete)
        if value.kind == "name":
            return self._read_name(module, value, name, before, conditional, depth)
        return ListSetting(complete=False)

    def _read_display(
        self, module: Module, value: Value, name: str, before: ListSetting | None, conditional: bool, depth: int
    ) -> ListSetting:
        result = ListSetting(kind=value.kind)
        for item in value.items:
            if item.kind == "star" and item.receiver is not None:
                result.add(self._read(module, item.receiver, name, before, conditional, depth + 1))
                continue
            text = self.lookup.text(module, item)
            if text is None:
                result.complete = False
            else:
                result.names.append(text)
        result.places.append(Place(module, value, next(_ORDER), conditional))
        return result

    def _read_name(
        self, module: Module, value: Value, name: str, before: ListSetting | None, conditional: bool, depth: int
    ) -> ListSetting:
        if value.name == name and before is not None:
            return ListSetting(list(before.names), list(before.places), before.kind, before.complete)
        origin = value.resolved
        if origin.kind in {"list", "tuple", "op", "call"}:
            return self._read(module, origin, name, before, conditional, depth + 1)
        definition = self.lookup.find(module, value.name)
        if definition is None or definition.assign is None or definition.assign.value is value:
            return ListSetting(complete=False)
        home, assign = definition.module, definition.assign
        if assign.target == name and home is not module:  # `base.INSTALLED_APPS + (...)`
            whole = SettingsChain(home.name, self.lookup).list_setting(name)
            return whole or ListSetting(complete=False)
        return self._read(home, assign.value, name, before, conditional, depth + 1)

    def _in_display(self, module: Module, value: Value) -> Iterator[Database]:
        home, resolved = self.lookup.home(module, value), self.lookup.resolve(module, value)
        if resolved.kind != "dict":
            return
        for key, item in zip(resolved.keys, resolved.items, strict=True):
            alias = self.lookup.text(home, key)
            if alias is not None:
                yield self._database(home, alias, item, "literal")

    def _database(self, module: Module, alias: str, value: Value, source: str) -> Database:
        home, resolved = self.lookup.home(module, value), self.lookup.resolve(module, value)
        if resolved.kind == "call" and resolved.name != "dict":
            return Database(alias, "", "url", home.path, value.line)
        engine = resolved.pairs().get("ENGINE")
        return Database(alias, (self.lookup.text(home, engine) or "") if engine else "", source, home.path, value.line)


def is_conditional(module: Module, block: int) -> bool:
    """Return whether a line at the top of a module stands in a branch."""
    return any(outer.kind in BRANCHES for outer in enclosing_blocks(module, block))


def _is_at_import(module: Module, block: int) -> bool:
    return not any(outer.kind in {"def", "lambda"} for outer in enclosing_blocks(module, block))


def _merge_branch(setting: ListSetting, part: ListSetting) -> None:
    """Count what a branch may replace a list by: after a list of its own, no display of before is certain any more."""
    kept = {place.key for place in part.places}
    setting.names += [name for name in part.names if name not in setting.names]
    if kept:
        setting.places = [p if p.key in kept else replace(p, conditional=True) for p in setting.places]
    setting.complete = False
