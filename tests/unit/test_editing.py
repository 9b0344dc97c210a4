"""Test edits of Python, TOML and YAML: in the style that is there, with every other byte as it was."""

from __future__ import annotations

import ast

import pytest

from djcelery.editing import NotEditable
from djcelery.editing.python import PythonSource, dict_value
from djcelery.editing.text import append_lines, insert_lines
from djcelery.editing.toml import append_to_array
from djcelery.editing.yaml import insert_checked, last_line_of, read_documents

APPENDED = {
    "one line": ("X = ['a']\n", "'b'", "X = ['a', 'b']\n"),
    "no items": ("X = []  # none\n", "'b'", "X = ['b']  # none\n"),
    "an empty tuple": ("X = ()\n", "'b'", "X = ('b',)\n"),
    "a tuple of one": ("X = ('a',)\n", "'b'", "X = ('a', 'b')\n"),
    "a tuple": ("X = ('a', 'c')\n", "'b'", "X = ('a', 'c', 'b')\n"),
    "nested parentheses": ("X = (('a'), ('c'))\n", "'b'", "X = (('a'), ('c'), 'b')\n"),
    "one a line": ("X = [\n  'a',\n]\n", "'b'", "X = [\n  'a',\n  'b',\n]\n"),
    "tabs and CRLF": ("X = [\r\n\t'a',\r\n]\r\n", "'b'", "X = [\r\n\t'a',\r\n\t'b',\r\n]\r\n"),
    "no trailing comma": ("X = [\n  'a'\n]\n", "'b'", "X = [\n  'a',\n  'b'\n]\n"),
    "a comment without a comma": ("X = [\n  'a'  # one, two\n]\n", "'b'", "X = [\n  'a',  # one, two\n  'b'\n]\n"),
    "a comment behind the comma": ("X = [\n  'a', # x]\n]\n", "'b'", "X = [\n  'a', # x]\n  'b',\n]\n"),
    "comments at the end": ("X = [\n  'a',\n  # 'c',\n]\n", "'b'", "X = [\n  'a',\n  'b',\n  # 'c',\n]\n"),
    "a hanging bracket": ("X = ['a',\n     'c']\n", "'b'", "X = ['a',\n     'c',\n     'b']\n"),
    "several a line": ("X = [\n  'a', 'c',\n]\n", "'b'", "X = [\n  'a', 'c', 'b',\n]\n"),
    "a dict": ("X = {\n    'a': 1,\n}\n", "'b': 2", "X = {\n    'a': 1,\n    'b': 2,\n}\n"),
    "a dict with stars": ("X = {'a': 1, **y}\n", "'b': 2", "X = {'a': 1, **y, 'b': 2}\n"),
    "a set": ("X = {'a'}\n", "'b'", "X = {'a', 'b'}\n"),
    "a call": ("X = f(1, a=2)\n", "b=3", "X = f(1, a=2, b=3)\n"),
    "a call without arguments": ("X = f()\n", "b=3", "X = f(b=3)\n"),
    "a call of a call": ("X = (f)(\n    g(1),\n)\n", "b=3", "X = (f)(\n    g(1),\n    b=3,\n)\n"),
    "empty over lines": ("X = [\n    # none yet\n]\n", "'b'", "X = [\n    # none yet\n    'b',\n]\n"),
    "letters of many bytes": ("Ä = 'ä'; X = ['ü', 'ö']\n", "'b'", "Ä = 'ä'; X = ['ü', 'ö', 'b']\n"),
    "a mark": ("\ufeffX = ['a']\n", "'b'", "\ufeffX = ['a', 'b']\n"),
}  # fmt: skip


@pytest.mark.parametrize(("before", "item", "after"), APPENDED.values(), ids=APPENDED)
def test_an_item_is_appended_and_removed_again(before, item, after):
    source = PythonSource(before.encode())
    source.append_item(source.assigned("X"), item)
    assert source.result().decode() == after
    back = PythonSource(after.encode())
    back.remove_item(back.assigned("X"), -1)
    assert back.result().decode() == before


def test_several_lines_follow_the_indentation():
    source = PythonSource(b"X = {\n\t'a': {\n\t\t'c': 1,\n\t},\n}\n")
    source.append_item(source.assigned("X"), "'b': {\n    'd': 2,\n}")
    assert source.result() == b"X = {\n\t'a': {\n\t\t'c': 1,\n\t},\n\t'b': {\n\t    'd': 2,\n\t},\n}\n"


def test_a_line_that_would_be_too_long_gets_one_line_for_each_item():
    source = PythonSource(b"X = ['aaaaaaaa', 'c']\n")
    source.append_item(source.assigned("X"), "'bbbb'", line_length=24)
    assert source.result() == b"X = [\n    'aaaaaaaa',\n    'c',\n    'bbbb',\n]\n"


@pytest.mark.parametrize("text", ["X = 'a', 'b'\n", "X = ('a'), ('b')\n"])
def test_a_tuple_without_parentheses_is_left_alone(text):
    source = PythonSource(text.encode())
    with pytest.raises(NotEditable, match="without parentheses"):
        source.append_item(source.assigned("X"), "'c'")


@pytest.mark.parametrize("data", [b"X = [\n", b"X = 1\r", "# coding: latin-1\nX = 'ä'\n".encode("latin-1")])
def test_a_file_that_is_not_understood_is_left_alone(data):
    with pytest.raises(NotEditable):
        PythonSource(data)


def test_what_would_not_parse_is_refused():
    source = PythonSource(b"X = [1]\n")
    source.append_item(source.assigned("X"), "[")
    with pytest.raises(NotEditable, match="would be wrong"):
        source.result()


def test_a_name_assigned_twice_has_no_single_value():
    assert PythonSource(b"X = [1]\nX = [2]\n").assigned("X") is None
    assert isinstance(PythonSource(b"X: list = [1]\n").assigned("X"), ast.List)


def test_quotes_follow_those_around():
    source = PythonSource(b'Y = "a"\nZ = "b"\nX = [\'a\']\nW = {}\n')
    assert source.quoted("b", source.assigned("X")) == "'b'"
    assert source.quoted("b", source.assigned("W")) == source.quoted("b") == '"b"'
    assert source.quoted("it's", source.assigned("X")) == '"it\'s"'


def test_the_value_of_a_key():
    source = PythonSource(b"X = {'a': 1, **y, 'b': [2]}\n")
    assert source.text(dict_value(source.assigned("X"), "b")) == "[2]"
    assert dict_value(source.assigned("X"), "c") is None


IMPORTED = {
    "sorted": ("import a\nimport c\n", "import b", "import a\nimport b\nimport c\n"),
    "known": ("import a\n", "import a", "import a\n"),
    "another section": ("import os\n\nx = 1\n", "import django", "import os\n\nimport django\n\nx = 1\n"),
    "before all": ("import django\n\nx = 1\n", "import os", "import os\n\nimport django\n\nx = 1\n"),
    "the same module": ("from a import b, d\n", "from a import c", "from a import b, c, d\n"),
    "at the end of it": ("from a import (\n    b,\n)\n", "from a import c", "from a import (\n    b,\n    c,\n)\n"),
    "below the docstring": ('"""Doc."""\n\nx = 1\n', "import a", '"""Doc."""\n\nimport a\n\nx = 1\n'),
    "none yet": ("@d\ndef f(): ...\n", "import a", "import a\n\n@d\ndef f(): ...\n"),
    "an empty file": ("", "import a", "import a\n"),
    "CRLF": ("import b\r\n", "import a", "import a\r\nimport b\r\n"),
}


@pytest.mark.parametrize(("before", "statement", "after"), IMPORTED.values(), ids=IMPORTED)
def test_an_import_is_added_where_isort_puts_it(before, statement, after):
    source = PythonSource(before.encode())
    source.add_import(statement)
    assert source.result().decode() == after


ARRAYS = {
    "one line": ('[a.b]\nx = ["1"] # c\n', '[a.b]\nx = ["1", "new"] # c\n'),
    "single quotes": ("[a.b]\nx = ['1']\n", "[a.b]\nx = ['1', 'new']\n"),
    "empty": ("[a.b]\nx = []\n", '[a.b]\nx = ["new"]\n'),
    "one a line": ('[a.b]\nx = [\n  "1", # ] one\n]\ny = 1\n', '[a.b]\nx = [\n  "1", # ] one\n  "new",\n]\ny = 1\n'),
    "no comma": ('[a.b]\r\nx = [\r\n\t"1"\r\n]\r\n', '[a.b]\r\nx = [\r\n\t"1",\r\n\t"new"\r\n]\r\n'),
    "tables": ('[a.b]\nx = [{ y = "1" }]\n[c]\nx = []\n', '[a.b]\nx = [{ y = "1" }, "new"]\n[c]\nx = []\n'),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after"), ARRAYS.values(), ids=ARRAYS)
def test_an_item_is_added_to_an_array_of_toml(before, after):
    assert append_to_array(before.encode(), ["a", "b"], "x", "new").decode() == after


@pytest.mark.parametrize("text", ["a.b.x = ['1']\n", "[a]\nb = { x = [] }\n", "[a.b]\n", "[a.b]\nx = 1\n"])
def test_an_array_elsewhere_is_left_alone(text):
    with pytest.raises(NotEditable):
        append_to_array(text.encode(), ["a", "b"], "x", "new")


def test_lines_get_the_line_ends_of_the_text():
    assert insert_lines(b"a\r\nb\r\n", 1, "x\ny\n") == b"a\r\nx\r\ny\r\nb\r\n"
    assert append_lines(b"a", "x\n") == b"a\nx\n"
    assert append_lines(b"a\n", "x\n") == b"a\nx\n"
    assert append_lines(b"", "x\n") == b"x\n"


YAML = b"""services:
  worker-a: # first
    command: ["a"]

  worker-b:
    <<: *x
    list:
      - 1 # one
  # about beat
  beat:
    command: b
volumes:
"""


def test_the_last_entry_of_a_mapping_is_found_and_lines_go_below_it():
    data = b"x: &x\n  y: 1\n" + YAML
    line, column = last_line_of(data, ["services"], lambda key: key.startswith("worker-"))
    assert (line, column) == (10, 2)
    expected = read_documents(data)
    expected[0]["services"]["worker-c"] = {"command": ["c"]}
    text = '\n  worker-c:\n    command: ["c"]\n'
    assert insert_checked(data, line, text, expected).decode() == data.decode().replace("# one\n", f"# one\n{text}")
    with pytest.raises(NotEditable, match="something else"):
        insert_checked(data, line + 2, text, expected)


@pytest.mark.parametrize("data", [b"services: {worker-a: 1}\n", b"services:\n  beat: 1\n", b"a: 1\n", b"a: [\n"])
def test_a_mapping_that_is_not_there_is_left_alone(data):
    with pytest.raises(NotEditable):
        last_line_of(data, ["services"], lambda key: key.startswith("worker-"))
