"""From bytes to a syntax tree, also where the file speaks a newer Python than the interpreter.

Newer grammar is turned into older text of the same length, so that every position stays true: type parameters become
blanks, `except A, B:` becomes `except A|B:`, an f-string whose parts nest quotes becomes a plain string.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings

BIGGEST = 4_000_000


class Unreadable(Exception):  # noqa: N818 it names a state of a file
    """The file cannot be read as Python; the message says why."""

    def __init__(self, why: str, line: int = 1) -> None:
        super().__init__(why)
        self.line = line


def decode(data: bytes) -> str:
    """The text of a Python file, by its own declaration of encoding."""
    if len(data) > BIGGEST:
        raise Unreadable(f"the file is larger than {BIGGEST // 1_000_000} MB")
    if b"\0" in data:
        raise Unreadable("the file holds null bytes")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        raise Unreadable(f"the text cannot be decoded ({error})") from error


def parse(text: str) -> ast.Module:
    """The syntax tree, with a second try for grammar that this interpreter does not know yet."""
    try:
        return attempt(text)
    except Unreadable as first:
        older = downlevel(text)
        if older == text:
            raise
        try:
            return attempt(older)
        except Unreadable:
            raise first from None


def attempt(text: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        raise Unreadable(f"does not parse: {error.msg}", error.lineno or 1) from error
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise Unreadable(f"does not parse: {type(error).__name__}") from error


PARAMETERS = re.compile(r"^([ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+\w+)[ \t]*\[", re.M)
ALIAS = re.compile(r"^([ \t]*)type[ \t](?=[ \t]*\w+[ \t]*(?:\[|=[^=]))", re.M)
ALIAS_PARAMETERS = re.compile(r"^([ \t]*type_[ \t]*\w+)[ \t]*\[", re.M)
EXCEPT = re.compile(r"^([ \t]*except\*?[ \t]+)([\w.]+(?:[ \t]*,[ \t]*[\w.]+)+)([ \t]*:)", re.M)
LAZY = re.compile(r"^([ \t]*)lazy[ \t](?=(?:import|from)[ \t])", re.M)
FSTRING = re.compile(r"(?<![\w\"'])([rRbBuU]?[fFtT][rR]?)('''|\"\"\"|'|\")")
ANY_STRING = re.compile(r"#[^\n]*|(?<![\w])([rRbBuUfFtT]{0,2})('''|\"\"\"|'|\")")


def downlevel(text: str) -> str:
    """The same text in older grammar, every character in its place."""
    text = flatten_fstrings(text)
    text = blank_brackets(text, PARAMETERS)
    text = ALIAS.sub(r"\1type_", text)
    text = blank_brackets(text, ALIAS_PARAMETERS)
    text = EXCEPT.sub(lambda m: m[1] + m[2].replace(",", "|") + m[3], text)
    return LAZY.sub(r"\1lazy;", text)


def blank_brackets(text: str, opening: re.Pattern[str]) -> str:
    """Blank the bracket that `opening` ends with, up to its partner."""
    out, position = [], 0
    for found in opening.finditer(text):
        start = found.end() - 1
        end = partner(text, start)
        if start < position or end < 0:
            continue
        out += [text[position:start], re.sub(r"[^\n]", " ", text[start : end + 1])]
        position = end + 1
    return "".join([*out, text[position:]])


def partner(text: str, start: int) -> int:
    depth = 0
    for index in range(start, min(len(text), start + 5000)):
        depth += (text[index] in "[({") - (text[index] in "])}")
        if not depth:
            return index
    return -1


def flatten_fstrings(text: str) -> str:
    """Replace each f-string by a plain string of the same length and the same lines."""
    out, position, index = [], 0, 0
    while found := ANY_STRING.search(text, index):
        if found[0].startswith("#"):
            index = found.end()
            continue
        prefix, quote = found[1], found[2]
        if not set(prefix.lower()) & {"f", "t"}:
            index = end_of_plain(text, found.end(), quote)
            continue
        end = end_of_fstring(text, found.end(), quote)
        body = text[found.end() : end - len(quote)]
        out += [
            text[position : found.start()],
            " " * (len(prefix) - 1),
            "r" if prefix else "",
            quote,
            plain(body),
            quote,
        ]
        position = index = end
    return "".join([*out, text[position:]])


def plain(body: str) -> str:
    """Text that is safe inside any quotes; the lines stay, by a backslash where a line ends."""
    flat = re.sub(r"[^\n]", "_", body)
    return re.sub(r"_\n", r"\\\n", flat)


def end_of_plain(text: str, index: int, quote: str) -> int:
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
            index = end_of_nested(text, index)
            continue
        depth += (char == "{") - (char == "}" and depth > 0)
        index += 1
    return len(text)


def end_of_nested(text: str, index: int) -> int:
    quote = text[index] * 3 if text.startswith(text[index] * 3, index) else text[index]
    nested = re.search(r"[rRbBuU]?[fFtT][rR]?$", text[max(0, index - 2) : index])
    follow = end_of_fstring if nested else end_of_plain
    return follow(text, index + len(quote), quote)
