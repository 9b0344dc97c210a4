"""Test literals in odd styles: an item is appended to each, and removing it restores every byte."""

from __future__ import annotations

import ast
import random

from djcelery.editing.python import PythonSource

CASES = 3000
BRACKETS = {"list": "[]", "tuple": "()", "dict": "{}", "set": "{}", "call": "()"}
ITEMS = {"dict": "'new': 9", "call": "new=9"}


def make_item(dice: random.Random, kind: str, number: int) -> str:
    """Return the source of an item that somebody may have written."""
    quote = dice.choice("'\"")
    text = dice.choice([f"{quote}k{number}{quote}", f"({quote}k{number}{quote})", f"f({quote},)]{quote}, [1, 2])"])
    if kind == "dict":
        return f"**k{number}" if dice.random() < 0.1 else f"{quote}k{number}{quote}: {text}"
    if kind == "call":
        return f"k{number}={text}"
    return f"*{text}" if dice.random() < 0.1 else text


def make_source(dice: random.Random, kind: str) -> str:
    """Return a module with one literal, on one line or over several, with or without comments and trailing commas."""
    newline, indent = dice.choice(["\n", "\r\n"]), dice.choice(["    ", "\t", "  ", ""])
    is_long = dice.random() < 0.7
    items = [make_item(dice, kind, number) for number in range(dice.randint(kind == "set", 4))]
    text = BRACKETS[kind][0]
    for number, item in enumerate(items):
        text += (newline + indent if is_long and dice.random() < 0.8 else dice.choice(["", " "])) + item
        is_last = number == len(items) - 1
        if not is_last or dice.random() < 0.5 or (kind == "tuple" and len(items) == 1):
            text += dice.choice([",", ", ", " ,"])
        if is_long and dice.random() < 0.3:
            text += dice.choice(["  # c", " # a, b)]}"]) + newline
            text += f"{indent}# a whole, line{newline}" if dice.random() < 0.3 else ""
    if is_long and dice.random() < 0.8:
        text += "" if text.endswith(newline) else newline
        text += f"{indent}# the end, ){newline}" if dice.random() < 0.2 else ""
        text += dice.choice(["", indent])
    name = "f" if kind == "call" else ""
    return f"# top{newline}X = {name}{text}{BRACKETS[kind][1]}{dice.choice(['', ' # after'])}{newline}Y = 1{newline}"


def with_item(node: ast.expr, item: str) -> ast.expr:
    """Return a syntax tree with one more item."""
    new = ast.parse(f"f({item})" if isinstance(node, ast.Call) else f"{{{item}}}").body[0].value
    if isinstance(node, ast.Dict):
        node.keys += new.keys
        node.values += new.values
    elif isinstance(node, ast.Call):
        node.keywords += new.keywords
    else:
        node.elts += new.elts
    return node


def test_any_literal_gets_an_item_and_loses_it_again():
    dice = random.Random(20261128)  # noqa: S311 not for secrets
    for _ in range(CASES):
        kind = dice.choice(list(BRACKETS))
        text = make_source(dice, kind)
        source = PythonSource(text.encode())
        item = ITEMS.get(kind, "'new'")
        source.append_item(source.assigned("X"), item)
        changed = PythonSource(source.result())
        expected = with_item(ast.parse(text).body[0].value, item)
        assert ast.dump(changed.assigned("X")) == ast.dump(expected), text
        changed.remove_item(changed.assigned("X"), -1)
        assert changed.result().decode() == text
