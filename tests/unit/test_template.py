"""Test how the template is rendered: by cookiecutter's public functions, then finished by the hook."""

from __future__ import annotations

import pytest
from cookiecutter.generate import generate_context
from cookiecutter.prompt import prompt_for_config

from djcelery import template
from djcelery.errors import CommandError

ANSWERS = {"project_slug": "shop", "author": "Zoë O'Brien", "sentry": True}


def test_the_context_holds_every_question_and_the_command_that_repeats_it(small_template):
    context = template.context_of(ANSWERS | {"broker": "rabbitmq"})
    assert context.items() >= {**ANSWERS, "broker": "rabbitmq", "ci": "github", "kubernetes": False}.items()
    assert "--broker rabbitmq" in context["__repeat"]
    assert "__prompts__" not in context


@pytest.mark.parametrize(
    "answers",
    [
        {},
        ANSWERS | {"example": False, "kubernetes": True, "vendor": False, "not_a_question": 1},
        ANSWERS | {"schedule": "database", "broker": "rabbitmq", "results": "django", "ci": "none"},
        {"description": "Toys, 10% off: 'new' & used", "email": "jane@example.org", "sentry": False},
    ],
)
def test_the_context_is_the_one_that_cookiecutter_makes(answers):
    extra = {"_vendored" if key == "vendor" else key: answer for key, answer in answers.items()}
    context = generate_context(str(template.home() / "cookiecutter.json"), extra_context=extra)
    assert template.context_of(answers) == prompt_for_config(context, no_input=True)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"broker": "kafka"}, 'broker must be one of "redis", "rabbitmq", got "kafka"'),
        ({"sentry": "yes"}, 'sentry must be one of true, false, got "yes"'),
        ({"example": 1}, "example must be one of true, false, got 1"),
    ],
)
def test_an_answer_that_is_no_choice_has_no_context(small_template, answer, message):
    with pytest.raises(ValueError, match=message):
        template.context_of(ANSWERS | answer)


@pytest.mark.parametrize("broker", ["redis", "rabbitmq"])
def test_the_files_that_an_answer_decides_are_those_of_whole_projects(tmp_path, broker):
    contexts = [template.context_of(ANSWERS | {"broker": broker, "example": value}) for value in (True, False)]
    projects = [template.render(context, tmp_path / str(number)) for number, context in enumerate(contexts)]
    rendered = template.render_deciding(contexts, b"cookiecutter.example", b"__repeat")
    for project, files in zip(projects, rendered, strict=True):
        assert files == {path: (project / path).read_bytes() for path in files}
    trees = [
        {path.relative_to(project).as_posix(): path.read_bytes() for path in project.rglob("*") if path.is_file()}
        for project in projects
    ]
    different = {path for path in {*trees[0], *trees[1]} if trees[0].get(path) != trees[1].get(path)}
    assert different - {".djcelery.toml"} <= {*rendered[0], *rendered[1]}


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
