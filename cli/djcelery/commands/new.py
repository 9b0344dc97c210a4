"""`djcelery new`: ask a few questions and create a project."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from djcelery import creation, dialogue, repository, summary, template, virtual_environment
from djcelery.errors import CommandError, UsageError, did_you_mean
from djcelery.output import echo
from djcelery.questions import INSTALL, NAME, VENDOR, Answer, Question, as_flags, read_answers, read_questions

QUESTIONS = read_questions(template.home() / "cookiecutter.json")
FLAGS = [key for key in QUESTIONS if key != NAME]
CLOSED = [key for key in FLAGS if QUESTIONS[key].choices or isinstance(QUESTIONS[key].default, bool)]
ASKED = [key for key in CLOSED if key != VENDOR]
INSTALL_QUESTION = Question(INSTALL, True, "Install the project with its development tools into .venv now", {})


class Choice(click.Choice[str]):
    """Suggest the choice that was probably meant."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in self.choices:
            option = f"--{param.name}" if param else "this option"
            raise UsageError(f'Invalid value for {option}: "{value}".', did_you_mean(str(value), self.choices))
        return str(value)


class NewCommand(click.Command):
    """Keep the words that the command was called with, so that an error can show how to call it."""

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


@click.command("new", cls=NewCommand, short_help="Create a Django project with reliable background jobs.")
@click.argument("path", required=False)
@_question_options
@click.option("--no-input", "--yes", "no_input", is_flag=True, help="Ask nothing and use the defaults.")
@click.option("--answers", "answers_file", type=click.Path(path_type=Path), metavar="FILE",
              help="Read answers from a TOML file, such as another project's .djcelery.toml.")  # fmt: skip
@click.option("--output-dir", type=click.Path(path_type=Path), metavar="DIR", help="Create the project in this folder.")
@click.option("--install/--no-install", default=False, help="Install the project into its .venv, with uv or pip.")
@click.option("--no-git", is_flag=True, help="Do not create a git repository.")
@click.option("--dry-run", is_flag=True, help="List the files without writing them.")
@click.option("--json", "as_json", is_flag=True, help="Ask nothing. Print one JSON object, also for errors.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    path: str | None,
    answers_file: Path | None,
    output_dir: Path | None,
    install: bool,
    no_git: bool,
    dry_run: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Create a Django project with reliable background jobs at PATH.

    The last part of PATH is the project's name. On a terminal, without options, the command asks a few questions.
    Pass any option and nothing is asked: defaults fill in the rest.
    """
    answers = read_answers(answers_file, QUESTIONS) if answers_file else {}
    answers |= {key: options[key] for key in FLAGS if options[key] is not None}
    interactive = not _has_options(ctx) and dialogue.is_interactive()
    asked = [key for key in (NAME, *ASKED, INSTALL) if key != NAME or not (path or answers.get(NAME))]
    if interactive:
        dialogue.begin("A new Django project with reliable background jobs")
    target = _target(ctx, path or answers.get(NAME), output_dir, interactive)
    answers[NAME] = target.name
    creation.refuse(target, answers)
    if interactive:
        places = {key: f"{number} of {len(asked)}" for number, key in enumerate(asked, start=1)}
        for key in ASKED:
            answers[key] = dialogue.ask(QUESTIONS[key], _find_problem, places[key])
        install = bool(dialogue.ask(INSTALL_QUESTION, _find_problem, places[INSTALL]))
        echo("", err=True)
    defaults = _defaults(answers, repository.identity())
    if defaults and not as_json and not interactive:
        echo(f"Using defaults: {as_flags(defaults)}", err=True)
    complete = {key: (answers | defaults)[key] for key in QUESTIONS}
    project = creation.create(target, complete, git=not no_git, dry_run=dry_run)
    if not as_json:
        echo(summary.head_as_text(project))
        for note in project.notes:
            echo(f"Note: {note}", err=True)
    failure = _install(project) if install and not dry_run else None
    is_installed = install and not dry_run and not failure
    if as_json:
        echo(summary.as_json(project, is_installed=is_installed, failure=failure))
    elif not dry_run:
        echo(summary.steps_as_text(project, is_installed=is_installed))
    if failure:
        if not as_json:
            echo(failure.as_text(), err=True)
        ctx.exit(failure.exit_code)


def _install(project: creation.CreatedProject) -> CommandError | None:
    """Install the packages of a new project. Return why that failed, if it did."""
    echo("Installing the packages into .venv ...", err=True)
    try:
        virtual_environment.install(project.path)
    except virtual_environment.InstallError as error:
        return error
    if (project.path / "uv.lock").exists():
        echo("Note: uv wrote uv.lock. Commit it: the Docker image installs the versions in it.", err=True)
    return None


def _has_options(ctx: click.Context) -> bool:
    return any(ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE for name in ctx.params if name != "path")


def _target(ctx: click.Context, path: Any, output_dir: Path | None, interactive: bool) -> Path:
    """Return the absolute path of the project. If there is no name, ask for it or raise UsageError."""
    if not path and interactive:
        path = dialogue.ask(QUESTIONS[NAME], _find_problem, f"1 of {len(ASKED) + 2}")
    if not path:
        words = ["djcelery", "new", str(QUESTIONS[NAME].default), *ctx.meta["djcelery.words"]]
        raise UsageError("Missing the project name.", f"Run: {shlex.join(words)}")
    if output_dir and Path(path).is_absolute():
        raise UsageError(f"--output-dir cannot be combined with an absolute path: {path}.", "Pass only one of them.")
    return Path(os.path.abspath(Path(output_dir or "", path)))  # noqa: PTH100 a link's name counts, not its target


def _find_problem(key: str, value: Answer) -> str:
    """Return what the template's rules find wrong with one answer, or an empty string."""
    return " ".join(f"{problem.message} {problem.hint}" for problem in template.problems({key: value}))


def _defaults(answers: Mapping[str, Answer], identity: Mapping[str, str]) -> dict[str, Answer]:
    """Return answers to the questions that are still open, from git's configuration or the template's defaults."""
    valid = {key: value for key, value in identity.items() if not _find_problem(key, value)}
    return {key: valid.get(key, question.default) for key, question in QUESTIONS.items() if key not in answers}
