"""How the template is rendered: only what must be by cookiecutter, and only with what rendering needs of it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from djcelery import template
from djcelery.errors import CommandError

RENDER = """
import sys, tempfile, pathlib
from djcelery import template
from djcelery.commands.new import QUESTIONS
{before}
context = template.context_of({{key: question.default for key, question in QUESTIONS.items()}})
with tempfile.TemporaryDirectory() as folder:
    assert (template.render(context, pathlib.Path(folder)) / "manage.py").exists()
{after}
"""


def run(before="", after=""):
    code = RENDER.format(before=before, after=after)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_no_stand_in_stays_behind():
    done = run(
        after="for name in template.UNUSED:\n"
        "    assert getattr(sys.modules.get(name, sys), '__spec__', None), name\n"
        "import cookiecutter.main, rich.prompt, arrow, slugify, uuid, secrets, importlib.metadata"
    )
    assert done.returncode == 0, done.stderr


def test_the_costly_imports_are_left_out():
    done = run(after="print([name for name in ('rich', 'arrow', 'requests', 'slugify') if name in sys.modules])")
    assert done.stdout == "[]\n", done.stderr


def test_a_cookiecutter_that_needs_more_gets_all_of_it():
    done = run(before="template.UNUSED['rich.prompt'].clear()", after="import rich.prompt; assert rich.prompt.Prompt")
    assert done.returncode == 0, done.stderr


def test_only_conditions_and_expressions_go_through_cookiecutter(small_template):
    files = {"plain": "x", "named": "{{ cookiecutter.author }}", "asks": "# {% if 1 %}", "adds": "{{ 1 + 1 }}",
             "flag": "{{ cookiecutter.sentry }}", "page.html": "{{ x }}", "binary": "\0{{ x }}"}  # fmt: skip
    for name, text in files.items():
        (small_template / name).write_text(text)
    context = template.context_of({"author": "Zoë O'Brien", "sentry": True})
    tagged, plain = template._sorted_out(small_template, template._environment(context), context)
    assert {file.parts[-1] for file in tagged} & set(files) == {"asks", "adds", "flag"}
    texts = {file.parts[-1]: file.content.decode() for file in plain}
    assert texts["named"] == "Zoë O'Brien"
    assert texts["page.html"] == "{{ x }}"


def test_an_unsound_project_is_refused(small_template, tmp_path):
    (small_template / "broken.toml").write_text("a = {{ cookiecutter.project_slug }}")
    context = template.context_of(
        {"project_slug": "shop"} | dict.fromkeys(("broker", "ci", "kubernetes", "schedule"), "x")
    )
    with pytest.raises(CommandError, match=r"not sound: broken\.toml does not parse"):
        template.render(context, tmp_path)


def test_what_no_answer_changed_is_not_parsed_again(small_template, tmp_path):
    (small_template / "as_it_was.toml").write_text("a =")  # test_template_as_it_stands parses the template's own files
    (small_template / "named.txt").write_text("{{ cookiecutter.project_slug }}")
    context = template.context_of(
        {"project_slug": "shop"} | dict.fromkeys(("broker", "ci", "kubernetes", "schedule"), "x")
    )
    assert (template.render(context, tmp_path) / "named.txt").read_text() == "shop"
