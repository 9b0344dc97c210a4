"""Parse bytes into a syntax tree, also where the file uses newer Python than the interpreter.

Newer grammar is turned into older text of the same length, so that every position stays true: type parameters become
blanks, `except A, B:` becomes `except A|B:`, an f-string whose parts nest quotes becomes a plain string.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings

from djcelery.safe_files import MAX_SIZE

MAX_BRACKET = 5_000  # characters of a type parameter list


class Unreadable(Exception):  # noqa: N818 it names a state of a file
    """Say why a file cannot be read as Python."""

    def __init__(self, why: str, line: int = 1) -> None:
        super().__init__(why)
        self.line = line


def decode(data: bytes) -> str:
    """Return the text of a Python file in the encoding that it declares."""
    if len(data) > MAX_SIZE:
        raise Unreadable(f"the file is larger than {MAX_SIZE // 1_000_000} MB")
    if b"\0" in data:
        raise Unreadable("the file contains null bytes")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        raise Unreadable(f"the text cannot be decoded ({error})") from error


def parse(text: str) -> ast.Module:
    """Return the syntax tree; grammar that this interpreter does not know is tried again as older grammar."""
    try:
        return parse_as_it_is(text)
    except Unreadable as first_error:
        older = downlevel(text)
        if older == text:
            raise
        try:
            return parse_as_it_is(older)
        except Unreadable:
            raise first_error from None


def parse_as_it_is(text: str) -> ast.Module:
    """Return the syntax tree of a text in the grammar of this interpreter."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        raise Unreadable(f"does not parse: {error.msg}", error.lineno or 1) from error
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise Unreadable(f"does not parse: {type(error).__name__}") from error


TYPE_PARAMETERS = re.compile(r"^([ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+\w+)[ \t]*\[", re.M)
TYPE_ALIAS = re.compile(r"^([ \t]*)type[ \t](?=[ \t]*\w+[ \t]*(?:\[|=[^=]))", re.M)
TYPE_ALIAS_PARAMETERS = re.compile(r"^([ \t]*type_[ \t]*\w+)[ \t]*\[", re.M)
EXCEPT_WITHOUT_PARENTHESES = re.compile(r"^([ \t]*except\*?[ \t]+)([\w.]+(?:[ \t]*,[ \t]*[\w.]+)+)([ \t]*:)", re.M)
LAZY_IMPORT = re.compile(r"^([ \t]*)lazy[ \t](?=(?:import|from)[ \t])", re.M)
STRING_OR_COMMENT = re.compile(r"#[^\n]*|(?<![\w])([rRbBuUfFtT]{0,2})('''|\"\"\"|'|\")")


def downlevel(text: str) -> str:
    """Return the same text in older grammar, with every character in its place."""
    text = flatten_fstrings(text)
    text = blank_brackets(text, TYPE_PARAMETERS)
    text = TYPE_ALIAS.sub(r"\1type_", text)
    text = blank_brackets(text, TYPE_ALIAS_PARAMETERS)
    text = EXCEPT_WITHOUT_PARENTHESES.sub(lambda match: match[1] + match[2].replace(",", "|") + match[3], text)
    return LAZY_IMPORT.sub(r"\1lazy;", text)


def blank_brackets(text: str, opening: re.Pattern[str]) -> str:
    """Blank each bracket that `opening` ends with, up to the one that closes it."""
    pieces, position = [], 0
    for match in opening.finditer(text):
        start = match.end() - 1
        end = closing_bracket(text, start)
        if start < position or end < 0:
            continue
        pieces += [text[position:start], re.sub(r"[^\n]", " ", text[start : end + 1])]
        position = end + 1
    return "".join([*pieces, text[position:]])


def closing_bracket(text: str, start: int) -> int:
    """Return where the bracket at `start` is closed, or -1."""
    depth = 0
    for index in range(start, min(len(text), start + MAX_BRACKET)):
        depth += (text[index] in "[({") - (text[index] in "])}")
        if not depth:
            return index
    return -1


def flatten_fstrings(text: str) -> str:
    """Replace each f-string by a plain string of the same length and the same lines."""
    pieces, position, index = [], 0, 0
    while match := STRING_OR_COMMENT.search(text, index):
        if match[0].startswith("#"):
            index = match.end()
            continue
        prefix, quote = match[1], match[2]
        if not set(prefix.lower()) & {"f", "t"}:
            index = end_of_string(text, match.end(), quote)
            continue
        end = end_of_fstring(text, match.end(), quote)
        body = text[match.end() : end - len(quote)]
        pieces += [
            text[position : match.start()],
            " " * (len(prefix) - 1),
            "r" if prefix else "",
            quote,
            flattened(body),
            quote,
        ]
        position = index = end
    return "".join([*pieces, text[position:]])


def flattened(body: str) -> str:
    """Return a text that is safe inside any quotes, with a backslash at each end of a line."""
    flat = re.sub(r"[^\n]", "_", body)
    return re.sub(r"_\n", r"\\\n", flat)


def end_of_string(text: str, index: int, quote: str) -> int:
    """Return where a plain string ends whose body begins at `index`."""
    while index < len(text):
        if text[index] == "\\":
            index += 2
            continue
        if text.startswith(quote, index):
            return index + len(quote)
        if len(quote) == 1 and text[index] == "\n":
            return index
        index += 1
    return len(text)


def end_of_fstring(text: str, index: int, quote: str) -> int:
    """Return where an f-string ends whose body begins at `index`."""
    depth = 0
    while index < len(text):
        char = text[index]
        if char == "\\" and not depth:
            index += 2
            continue
        if depth == 0 and text.startswith(quote, index):
            return index + len(quote)
        if text.startswith("{{", index) and not depth:
            index += 2
            continue
        if depth and char in "'\"":
            index = end_of_nested_string(text, index)
            continue
        depth += (char == "{") - (char == "}" and depth > 0)
        index += 1
    return len(text)


def end_of_nested_string(text: str, index: int) -> int:
    """Return where a string ends that begins at `index` inside an f-string."""
    quote = text[index] * 3 if text.startswith(text[index] * 3, index) else text[index]
    is_fstring = re.search(r"[rRbBuU]?[fFtT][rR]?$", text[max(0, index - 2) : index])
    find_end = end_of_fstring if is_fstring else end_of_string
    return find_end(text, index + len(quote), quote)
