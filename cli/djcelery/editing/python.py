"""Change Python source at single places: items of literals, keywords of calls, imports, statements.

Every other byte stays as it is. Each change follows the style around it: quotes, indentation, trailing commas and line
ends. Positions come from the syntax tree, and the text between two nodes is read token by token.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from djcelery.editing import NotEditable
from djcelery.edits import line_starts, offset
from djcelery.project.reader.grammar import Unreadable, decode, parse

INDENT = "    "
MARK = b"\xef\xbb\xbf"
Literal = ast.List | ast.Tuple | ast.Set | ast.Dict
Container = Literal | ast.Call


@dataclass(frozen=True, slots=True)
class Item:
    """Describe one item of a container, as offsets into the source; `comma` is -1 without a comma."""

    start: int
    end: int
    comma: int


class PythonSource:
    """Edit a Python file: hold its source and the changes to it, and return the result.

    Nodes belong to `tree`, and stay valid while changes are collected. `result()` applies all changes at once.
    """

    def __init__(self, data: bytes) -> None:
        """Parse the bytes of a file. Raise NotEditable unless they are UTF-8 with ordinary line ends."""
        try:
            text = decode(data)
            self.tree = parse(text)
        except Unreadable as error:
            raise NotEditable(f"it is not readable as Python: {error}", error.line) from None
        if b"\r" in data.replace(b"\r\n", b"") or text.encode() != data.removeprefix(MARK):
            raise NotEditable("it is not UTF-8 with ordinary line ends")
        self.data = data
        self._starts = line_starts(data)
        self._changes: list[tuple[int, int, int, bytes]] = []  # start, end, order, text

    # Places

    def start(self, node: ast.expr | ast.stmt) -> int:
        """Return the offset at which a node begins; decorators do not count."""
        return offset(self.data, self._starts, node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt) -> int:
        """Return the offset at which a node ends."""
        return offset(self.data, self._starts, node.end_lineno or 0, node.end_col_offset or 0)

    def text(self, node: ast.expr | ast.stmt) -> str:
        """Return the source of a node."""
        return self.data[self.start(node) : self.end(node)].decode()

    def line(self, position: int) -> int:
        """Return the number of the line that holds an offset, from 1."""
        return self.data.count(b"\n", 0, position) + 1

    def assigned(self, name: str) -> ast.expr | None:
        """Return the value of the only assignment to a name at the top level of the module, or None."""
        values = [value for target, value in _assignments(self.tree.body) if target == name]
        return values[0] if len(values) == 1 else None

    # Changes

    def replace(self, start: int, end: int, text: str) -> None:
        """Replace the text between two offsets."""
        self._changes.append((start, end, len(self._changes), text.encode()))

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Forget the changes that the block has collected if it raises."""
        count = len(self._changes)
        try:
            yield
        except BaseException:
            del self._changes[count:]
            raise

    def append_item(self, container: Container, text: str, *, line_length: int = 0) -> None:
        """Add an item after the last one of a literal or call, in the style of the items before it.

        `text` is the source of the item: an expression, `key: value` for a dict, `name=value` for a call. It may have
        several lines, indented from 0. With a `line_length` above 0, a container on one line that would become longer
        gets one line for each item.
        """
        items = self._items(container)
        if not items:
            self._fill_empty(container, text)
            return
        last = items[-1]
        if self._is_first_on_line(last.start) and self._line_of(last.start) > self._line_of(self._open(container)):
            self._append_line(container, last, text)
            return
        self._append_inline(container, items, text, line_length)

    def prepend_item(self, container: Container, text: str) -> None:
        """Add an item before the first one of a literal or call, above its comments if it has a line of its own."""
        items = self._items(container)
        if not items:
            self._fill_empty(container, text)
            return
        start, opened = items[0].start, self._open(container)
        if not self._is_first_on_line(start) or self._line_of(start) == self._line_of(opened):
            self.replace(start, start, f"{text}, ")
            return
        below = self._line_end(opened)
        remainder = self.data[opened + 1 : below].strip()
        at = below if not remainder or remainder.startswith(b"#") else self._line_start(start)
        self.replace(at, at, f"{self._indent(start)}{text},{self._newline_at(opened)}")

    def imported_names(self) -> set[str]:
        """Return the names that imports at the top level of the module bind."""
        imports = [node for node in self.tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        return {alias.asname or alias.name.partition(".")[0] for node in imports for alias in node.names}

    def remove_item(self, container: Container, index: int) -> None:
        """Remove an item of a literal or call, -1 for the last one: the inverse of `append_item`."""
        items = self._items(container)
        index %= len(items)
        item = items[index]
        line_start, line_end = self._line_start(item.start), self._line_end(max(item.end, item.comma))
        alone = self._is_first_on_line(item.start) and self._is_blank(max(item.end, item.comma + 1), line_end)
        if alone and self._line_of(item.start) > self._line_of(self._open(container)):
            if item.comma < 0 and index > 0:
                self.replace(items[index - 1].comma, items[index - 1].comma + 1, "")
            self.replace(line_start, line_end, "")
        elif index > 0:
            previous = items[index - 1]
            if isinstance(container, ast.Tuple) and len(items) == 2 and item.comma < 0:
                self.replace(previous.comma, item.end, ",")
            elif item.comma >= 0 and self._is_first_on_line(item.start):
                self.replace(previous.comma + 1, item.comma + 1, "")
            else:
                self.replace(previous.end, item.end, "")
        elif len(items) > 1:
            self.replace(item.start, items[1].start, "")
        else:
            self.replace(item.start, max(item.end, item.comma + 1), "")

    def join_lines(self, container: Container) -> None:
        """Put all items of a literal on one line, without a comma after the last: `append_item` may have split it."""
        items = self._items(container)
        if not items:
            return
        texts = [self.data[item.start : item.end].decode() for item in items]
        comma = "," if isinstance(container, ast.Tuple) and len(items) == 1 else ""
        self.replace(self._open(container) + 1, self._close(container), ", ".join(texts) + comma)

    def item_text(self, container: Container, index: int) -> str:
        """Return the source of an item, with a comment that follows it on its line."""
        item = self._items(container)[index]
        text = self.data[item.start : item.end].decode()
        remainder = self.data[max(item.end, item.comma + 1) : self._line_end(max(item.end, item.comma))].strip()
        return text + (f"  {remainder.decode()}" if remainder.startswith(b"#") else "")

    def whole_text(self, node: ast.stmt) -> str:
        """Return the source of a statement with its decorators."""
        return self.data[self._line_start(self._first_position(node)) : self.end(node)].decode()

    def add_import(self, statement: str, *, first_party: Collection[str] = ()) -> None:
        """Add an import such as `from a import b` where isort would put it, unless the module has it already.

        `first_party` names packages that are sorted after those of others.
        """
        (wanted,) = parse(statement).body
        if any(ast.dump(node) == ast.dump(wanted) for node in self.tree.body) or self._has_imported(wanted):
            return
        if isinstance(wanted, ast.ImportFrom) and (same := self._import_from(wanted)):
            self._extend_import(same, wanted)
            return
        imports = [node for node in self.tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        if not imports:
            self._add_first_import(statement)
            return
        order, newline = _import_order(wanted, first_party), self.newline
        before = [node for node in imports if _import_order(node, first_party) <= order]
        after = [node for node in imports if _import_order(node, first_party) > order]
        if before and _import_order(before[-1], first_party)[0] == order[0]:
            self.replace(*self._after(before[-1]), f"{statement}{newline}")
        elif after and _import_order(after[0], first_party)[0] == order[0]:
            self._insert_above(after[0], f"{statement}{newline}")
        elif before:
            self.replace(*self._after(before[-1]), f"{newline}{statement}{newline}")
        else:
            self._insert_above(after[0], f"{statement}{newline}{newline}")

    def append_lines(self, text: str) -> None:
        """Put whole lines at the end of the file."""
        end = len(self.data)
        gap = self.newline if self.data.removeprefix(MARK) and not self.data.endswith(b"\n") else ""
        self.replace(end, end, gap + self._with_newlines(text))

    def quoted(self, value: str, near: ast.AST | None = None) -> str:
        """Return a string literal in the quotes that the strings of a node, or of the module, mostly use."""
        texts = [
            self.text(node)
            for node in ast.walk(near or self.tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.col_offset >= 0
        ]
        single = sum(text.startswith("'") for text in texts)
        double = sum(text.startswith('"') and not text.startswith('"""') for text in texts)
        if not single + double and near is not None:
            return self.quoted(value)
        quote = "'" if single > double and "'" not in value else '"'
        return quote + value.replace("\\", "\\\\").replace(quote, f"\\{quote}") + quote

    @property
    def newline(self) -> str:
        """Return the line end that most lines of the file have."""
        windows = self.data.count(b"\r\n")
        return "\r\n" if windows > self.data.count(b"\n") - windows else "\n"

    def result(self) -> bytes:
        """Return the file after all changes. Raise NotEditable if it would no longer parse."""
        data, done = self.data, len(self.data) + 1
        for start, end, _, text in sorted(self._changes, reverse=True):
            if end > done:
                raise NotEditable("two changes overlap", self.line(start))
            data = data[:start] + text + data[end:]
            done = start
        try:
            parse(decode(data))
        except Unreadable as error:
            raise NotEditable(f"the changed file would be wrong: {error}", error.line) from None
        return data

    # Containers

    def _items(self, container: Container) -> list[Item]:
        """Return the items of a container, with the parentheses around each, in order."""
        spans = sorted(self._spans(container))
        close = self._close(container)
        items = []
        position = self._open(container) + 1
        for number, (start, end) in enumerate(spans):
            begin = next((at for at, token in self._tokens(position, start)), start)
            upto = spans[number + 1][0] if number + 1 < len(spans) else close
            comma, stop = -1, end
            for at, token in self._tokens(end, upto):
                if token == b")" and comma < 0:
                    stop = at + 1
                elif token == b"," and comma < 0:
                    comma = at
            items.append(Item(begin, stop, comma))
            position = comma + 1 if comma >= 0 else stop
        return items

    def _spans(self, container: Container) -> Iterator[tuple[int, int]]:
        if isinstance(container, ast.Dict):
            for key, value in zip(container.keys, container.values, strict=True):
                # `**other` has no key; its stars are the first token before the value.
                yield self.start(key) if key else self.start(value), self.end(value)
        elif isinstance(container, ast.Call):
            for argument in container.args:
                yield self.start(argument), self.end(argument)
            for keyword in container.keywords:
                yield self._keyword_start(keyword), self.end(keyword.value)
        else:
            for element in container.elts:
                yield self.start(element), self.end(element)

    def _keyword_start(self, keyword: ast.keyword) -> int:
        return offset(self.data, self._starts, keyword.lineno, keyword.col_offset)

    def _open(self, container: Container) -> int:
        """Return the offset of the opening bracket. Raise NotEditable for a tuple that has none."""
        if isinstance(container, ast.Call):
            end = self.end(container)
            return next(at for at, token in self._tokens(self.end(container.func), end) if token == b"(")
        start = self.start(container)
        if isinstance(container, ast.Tuple) and not self._has_brackets(container):
            raise NotEditable("a tuple without parentheses", container.lineno)
        return start

    def _close(self, container: Container) -> int:
        return self.end(container) - 1

    def _has_brackets(self, container: ast.Tuple) -> bool:
        """Return whether the parenthesis that begins a tuple's text is its own and not that of its first item."""
        start, end = self.start(container), self.end(container)
        if self.data[start : start + 1] != b"(":
            return False
        if not container.elts:
            return True
        first = self.start(container.elts[0])
        opened = [at for at, token in self._tokens(start, first) if token == b"("]
        closed = 0
        upto = self.start(container.elts[1]) if len(container.elts) > 1 else end
        for _, token in self._tokens(self.end(container.elts[0]), upto):
            if token == b",":
                break
            closed += token == b")"
        return len(opened) > closed

    def _fill_empty(self, container: Container, text: str) -> None:
        opened, close = self._open(container), self._close(container)
        if isinstance(container, ast.Tuple):
            text += ","
        if self._line_of(opened) == self._line_of(close):
            self.replace(opened + 1, close if self._is_blank(opened + 1, close) else opened + 1, text)
            return
        indent = self._indent(close) + INDENT
        start = self._line_start(close)
        comma = "" if text.endswith(",") else ","
        self.replace(start, start, self._indented(text, indent) + comma + self.newline)

    def _append_line(self, container: Container, last: Item, text: str) -> None:
        """Add an item on a line of its own."""
        indent, newline = self._indent(last.start), self._newline_at(last.end)
        code_end = max(last.end, last.comma + 1)
        line_end = self._line_end(code_end)
        close = self._close(container)
        if last.comma < 0:
            self.replace(last.end, last.end, ",")
        comma = "," if last.comma >= 0 else ""
        lines = self._indented(text, indent) + comma
        if line_end <= close:
            self.replace(line_end, line_end, lines + newline)
        else:  # the bracket closes on the line of the last item
            at = code_end
            self.replace(at, at, newline + lines)

    def _append_inline(self, container: Container, items: Sequence[Item], text: str, line_length: int) -> None:
        """Add an item on the line of the last one."""
        last, close = items[-1], self._close(container)
        line = self.data[self._line_start(close) : self._line_end(close)].rstrip(b"\r\n").decode()
        is_one_line = self._line_of(self._open(container)) == self._line_of(close)
        if line_length and is_one_line and len(line) + len(text) + 2 > line_length and "\n" not in text:
            indent, newline = self._indent(close), self.newline
            texts = [self.data[item.start : item.end].decode() for item in items]
            lines = "".join(f"{indent}{INDENT}{item},{newline}" for item in [*texts, text])
            self.replace(self._open(container) + 1, close, f"{newline}{lines}{indent}")
        elif last.comma >= 0 and isinstance(container, ast.Tuple) and len(items) == 1:
            self.replace(last.comma, last.comma + 1, f", {text}")
        else:
            self.replace(last.end, last.end, f", {text}")

    # Imports

    def _has_imported(self, wanted: ast.stmt) -> bool:
        """Return whether imports of the module bind all the names of this one to the same things."""
        if not isinstance(wanted, ast.ImportFrom):
            return False
        known = {
            (alias.name, alias.asname)
            for node in self.tree.body
            if isinstance(node, ast.ImportFrom) and (node.module, node.level) == (wanted.module, wanted.level)
            for alias in node.names
        }
        return all((alias.name, alias.asname) in known for alias in wanted.names)

    def _import_from(self, wanted: ast.ImportFrom) -> ast.ImportFrom | None:
        for node in self.tree.body:
            same = isinstance(node, ast.ImportFrom) and (node.module, node.level) == (wanted.module, wanted.level)
            if same and isinstance(node, ast.ImportFrom) and node.names[0].name != "*":
                return node
        return None

    def _extend_import(self, node: ast.ImportFrom, wanted: ast.ImportFrom) -> None:
        """Add the names of an import that are missing to another one of the same module, sorted if those are."""
        known = {(alias.name, alias.asname) for alias in node.names}
        for alias in wanted.names:
            if (alias.name, alias.asname) in known:
                continue
            text = alias.name + (f" as {alias.asname}" if alias.asname else "")
            self._add_alias(node, text)

    def _add_alias(self, node: ast.ImportFrom, text: str) -> None:
        starts = [offset(self.data, self._starts, alias.lineno, alias.col_offset) for alias in node.names]
        following = next((at for at, alias in zip(starts, node.names, strict=True) if _natural(alias.name)
                          > _natural(text)), None)  # fmt: skip
        if following is not None:
            own_line = self._is_first_on_line(following)
            gap = f",{self._newline_at(following)}{self._indent(following)}" if own_line else ", "
            self.replace(following, following, text + gap)
            return
        last = node.names[-1]
        end = offset(self.data, self._starts, last.end_lineno or 0, last.end_col_offset or 0)
        own_line = self._is_first_on_line(starts[-1])
        gap = f",{self._newline_at(end)}{self._indent(starts[-1])}" if own_line else ", "
        self.replace(end, end, gap + text)

    def _add_first_import(self, statement: str) -> None:
        """Add an import to a module that has none: below its docstring, with a blank line around it."""
        newline, body = self.newline, self.tree.body
        if body and ast.get_docstring(self.tree, clean=False) is not None:
            self.replace(*self._after(body[0]), f"{newline}{statement}{newline}")
        elif body:
            self._insert_above(body[0], f"{statement}{newline}{newline}")
        else:
            self.append_lines(f"{statement}\n")

    def _insert_above(self, node: ast.stmt, text: str) -> None:
        position = self._line_start(self._first_position(node))
        self.replace(position, position, text)

    def _first_position(self, node: ast.stmt) -> int:
        decorators = getattr(node, "decorator_list", [])
        return self.start(decorators[0]) if decorators else self.start(node)

    # Lines

    def _after(self, node: ast.stmt) -> tuple[int, int]:
        """Return the place after the line on which a statement ends, as an empty range."""
        line_end = self._line_end(self.end(node))
        if self.data[:line_end].endswith(b"\n"):
            return line_end, line_end
        raise NotEditable("the file does not end with a line end", node.end_lineno or 0)

    def _line_of(self, position: int) -> int:
        return self.line(position)

    def _line_start(self, position: int) -> int:
        return self.data.rfind(b"\n", 0, position) + 1

    def _line_end(self, position: int) -> int:
        """Return the offset after the line that holds a position, its line end included."""
        line_feed = self.data.find(b"\n", position)
        return len(self.data) if line_feed < 0 else line_feed + 1

    def _newline_at(self, position: int) -> str:
        """Return the line end of the line that holds a position."""
        end = self._line_end(position)
        if self.data[:end].endswith(b"\r\n"):
            return "\r\n"
        return "\n" if self.data[:end].endswith(b"\n") else self.newline

    def _indent(self, position: int) -> str:
        """Return the blanks and tabs that the line of a position begins with."""
        start = self._line_start(position)
        match = re.match(rb"[ \t]*", self.data[start:])
        return match[0].decode() if match else ""

    def _is_first_on_line(self, position: int) -> bool:
        return not self.data[self._line_start(position) : position].strip(b" \t")

    def _is_blank(self, start: int, end: int) -> bool:
        return not self.data[start:end].strip()

    def _indented(self, text: str, indent: str) -> str:
        return self._with_newlines("\n".join(f"{indent}{line}" if line else "" for line in text.split("\n")))

    def _with_newlines(self, text: str) -> str:
        return text.replace("\n", self.newline) if self.newline != "\n" else text

    def _tokens(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        """Yield the single characters of code between two offsets that hold no strings, without blanks and comments."""
        position = start
        while position < end:
            byte = self.data[position : position + 1]
            if byte == b"#":
                position = self._line_end(position)
                continue
            if byte not in b" \t\r\n\f\\":
                yield position, byte
            position += 1


def dict_value(container: ast.expr | None, key: str) -> ast.expr | None:
    """Return the value of a string key in a dict literal, or None."""
    if not isinstance(container, ast.Dict):
        return None
    return next((v for k, v in zip(container.keys, container.values, strict=True) if is_string(k, key)), None)


def is_string(node: ast.expr | None, value: str) -> bool:
    """Return whether a node is a literal of this string."""
    return isinstance(node, ast.Constant) and node.value == value


def _assignments(body: Sequence[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names that statements assign to, with their values."""
    for node in body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node.value


def _natural(name: str) -> tuple[int, str]:
    """Return the key by which isort orders the names of an import: constants, classes, the rest."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, name


def _import_order(node: ast.stmt, first_party: Collection[str]) -> tuple[int, int, str]:
    """Return the key by which isort orders imports: the section, `import` before `from`, the module."""
    if isinstance(node, ast.Import):
        module, level, kind = node.names[0].name, 0, 0
    elif isinstance(node, ast.ImportFrom):
        module, level, kind = node.module or "", node.level, 1
    else:
        return (9, 0, "")
    if level:
        section = 4
    elif module == "__future__":
        section = 0
    elif module.split(".")[0] in sys.stdlib_module_names:
        section = 1
    elif module.split(".")[0] in first_party:
        section = 3
    else:
        section = 2
    return section, kind, module
