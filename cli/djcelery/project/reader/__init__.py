"""Read the text of one Python file into facts, in one walk over its syntax tree."""

from __future__ import annotations

import ast

from djcelery.project.facts import Module
from djcelery.project.reader.grammar import Unreadable, decode, parse
from djcelery.project.reader.relevance import relevant_lines
from djcelery.project.reader.skip_bodies import blank_irrelevant_bodies
from djcelery.project.reader.statements import read_module
from djcelery.project.reader.suppressions import suppressions
from djcelery.project.reader.walk import Walk

__all__ = ["read"]


def read(path: str, name: str, data: bytes, is_package: bool = False, whole: bool = False) -> Module:
    """Return the facts of one file; a file that cannot be read gives a module with `read_error` set.

    Bodies that cannot matter to a rule are left out, unless `whole` is asked for.
    """
    module = Module(path=path, name=name, is_package=is_package)
    try:
        text = decode(data)
        relevant = list(range(1, text.count("\n") + 2)) if whole else relevant_lines(text)
        read_module(Walk(module, text, relevant), parse_relevant(text, relevant))
        module.noqa = suppressions(text)
    except Unreadable as error:
        return Module(path=path, name=name, is_package=is_package, read_error=str(error), read_error_line=error.line)
    except RecursionError:
        return Module(path=path, name=name, is_package=is_package, read_error="nested too deeply to be read")
    return module


def parse_relevant(text: str, relevant: list[int]) -> ast.Module:
    """Parse the text without its irrelevant bodies, or the whole text where that does not parse."""
    shortened = blank_irrelevant_bodies(text, relevant)
    try:
        return parse(shortened)
    except Unreadable:
        if shortened == text:
            raise
        return parse(text)
