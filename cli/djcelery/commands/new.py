"""`djcelery new`: a few questions, and a project that runs."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from djcelery import creation, dialogue, repository, summary, template
from djcelery.errors import UsageError, did_you_mean
from djcelery.questions import NAME, Answer, Question, as_flags, read_answers, read_questions

QUESTIONS = read_questions(template.home() / "cookiecutter.json")
FLAGS = [key for key in QUESTIONS if key != NAME]
ASKED = [key for key in FLAGS if QUESTIONS[key].choices or isinstance(QUESTIONS[key].default, bool)]


class Choice(click.Choice[str]):
    """A choice that says which value was probably meant."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in self.choices:
            flag = f"--{param.name}" if param else "this option"
            raise UsageError(f"{value!r} is no value of {flag}.", did_you_mean(str(value), self.choices))
        return str(value)


class NewCommand(click.Command):
    """Keeps the words it was called with, to be able to say how they should have been."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta["djcelery.words"] = list(args)
        return super().parse_args(ctx, args)


def _question_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give the command one option for each question, so that a new question needs no line here."""
    for key in reversed(FLAGS):
        command = _question_option(QUESTIONS[key])(command)
    return command


def _question_option(question: Question) -> Callable[[Callable[..., None]], Callable[..., None]]:
    if isinstance(question.default, bool):
        text = f"{question.help}.  [default: {'on' if question.default else 'off'}]"
        return click.option(f"--{question.key}/--no-{question.key}", default=None, help=text)
    if question.choices:
        text = f"{question.help}.  [default: {question.default}]"
        return click.option(f"--{question.key}", type=Choice(question.choices), help=text)
    return click.option(f"--{question.key}", metavar="TEXT", help=f"{question.help}.")


@click.command("new", cls=NewCommand, short_help="Write a new Django project with sound background jobs.")
@click.argument("path", required=False)
@_question_options
@click.option("--no-input", "--yes", "no_input", is_flag=True, help="Ask nothing; take the defaults.")
@click.option("--answers", "answers_file", type=click.Path(path_type=Path), metavar="FILE",
              help="Read answers from a TOML file, for example another project's .djcelery.toml.")  # fmt: skip
@click.option("--output-dir", type=click.Path(path_type=Path), metavar="DIR", help="Make the project in this folder.")
@click.option("--no-git", is_flag=True, help="Make no git repository.")
@click.option("--dry-run", is_flag=True, help="List what would be written, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, errors too; ask nothing.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    path: str | None,
    answers_file: Path | None,
    output_dir: Path | None,
    no_git: bool,
    dry_run: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Write a new Django project with sound background jobs to PATH.

    The last part of PATH is the project's name. On a terminal, with no option given, a few questions are asked;
    any option, or no terminal, means no questions: the defaults are taken.
    """
    given = read_answers(answers_file, QUESTIONS) if answers_file else {}
    given |= {key: options[key] for key in FLAGS if options[key] is not None}
    interactive = not _has_options(ctx) and dialogue.is_possible()
    target = _target(ctx, path or given.get(NAME), output_dir, interactive)
    given[NAME] = target.name
    creation.refuse(target, given)
    if interactive:
        given |= {key: dialogue.ask(QUESTIONS[key], _judge) for key in ASKED}
        click.echo(err=True)
    answers, taken = _complete(given, repository.identity())
    if taken and not as_json and not interactive:
        click.echo(f"Defaults taken: {as_flags(taken)}", err=True)
    created = creation.create(target, answers, git=not no_git, dry_run=dry_run)
    if as_json:
        click.echo(summary.as_json(created))
        return
    click.echo(summary.as_text(created))
    for note in created.notes:
        click.echo(f"Note: {note}", err=True)


def _has_options(ctx: click.Context) -> bool:
    return any(ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE for name in ctx.params if name != "path")


def _target(ctx: click.Context, path: Any, output_dir: Path | None, interactive: bool) -> Path:
    """Return the absolute path of the project; ask for its name, or say the whole command, if there is none."""
    if not path and interactive:
        path = dialogue.ask(QUESTIONS[NAME], _judge)
    if not path:
        words = ["djcelery", "new", str(QUESTIONS[NAME].default), *ctx.meta["djcelery.words"]]
        raise UsageError("The name of the project is missing.", f"Run: {shlex.join(words)}")
    if output_dir and Path(path).is_absolute():
        raise UsageError(f"{path} is absolute, so --output-dir has nothing to add.", "Give one of the two.")
    return Path(os.path.abspath(Path(output_dir or "", path)))  # noqa: PTH100 the name counts, not where a link leads


def _judge(key: str, value: Answer) -> str:
    """Say what the template's rules find wrong with one answer."""
    return " ".join(f"{each.sentence} {each.hint}" for each in template.problems({key: value}))


def _complete(given: Mapping[str, Answer], identity: Mapping[str, str]) -> tuple[dict[str, Answer], dict[str, Answer]]:
    """Return all the answers, in the order of the questions, and those of them that nobody gave."""
    known = {key: value for key, value in identity.items() if not _judge(key, value)}
    answers = {key: given.get(key, known.get(key, question.default)) for key, question in QUESTIONS.items()}
    return answers, {key: value for key, value in answers.items() if key not in given}
