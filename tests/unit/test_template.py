"""Test how the template is rendered: by cookiecutter's public functions, then finished by the hook."""

from __future__ import annotations

import pytest

from djcelery import template
from djcelery.errors import CommandError

ANSWERS = {"project_slug": "shop", "author": "Zoë O'Brien", "sentry": True}


def test_the_context_holds_every_question_and_the_command_that_repeats_it(small_template):
    context = template.context_of(ANSWERS | {"broker": "rabbitmq"})
    assert context.items() >= {**ANSWERS, "broker": "rabbitmq", "ci": "github", "kubernetes": False}.items()
    assert "--broker rabbitmq" in context["__repeat"]
    assert "__prompts__" not in context


def test_tags_become_answers_except_where_the_template_is_copied(small_template, tmp_path):
    files = {
        "named.txt": "{{ cookiecutter.author }}",
        "asks.txt": "# {% if cookiecutter.sentry %}\nyes\n# {% endif %}\n",
        "page.html": "{{ x }}",
        "orders/plain.py": "x = 1\n",
    }
    for name, text in files.items():
        (small_template / name).write_text(text)
    project = template.render(template.context_of(ANSWERS), tmp_path)
    texts = {name: (project / name).read_text() for name in files}
    assert texts == files | {"named.txt": "Zoë O'Brien", "asks.txt": "yes\n"}
    assert (project / "manage.py").stat().st_mode & 0o100


def test_what_the_answers_drop_is_not_rendered(small_template, tmp_path):
    (small_template / "renovate.json").write_text("{{ cookiecutter.no_such_answer }}")
    assert not (template.render(template.context_of(ANSWERS), tmp_path) / "renovate.json").exists()
    with pytest.raises(Exception, match="renovate"):
        template.render(template.context_of(ANSWERS | {"ci": "gitlab", "project_slug": "other"}), tmp_path)


def test_an_invalid_project_is_refused(small_template, tmp_path):
    (small_template / "broken.toml").write_text("a = {{ cookiecutter.project_slug }}")
    with pytest.raises(CommandError, match=r"is invalid: broken\.toml does not parse"):
        template.render(template.context_of(ANSWERS), tmp_path)
