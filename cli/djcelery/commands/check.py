"""`djcelery check`: find mistakes with background jobs in any Django + Celery code base."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from djcelery import __version__
from djcelery.checking import formats
from djcelery.checking.run import Report, Row, run
from djcelery.checking.wishes import SEVERITIES, Wishes, chosen, configured, validate
from djcelery.errors import UsageError

if TYPE_CHECKING:
    from djcelery.project.running import Running


@click.command("check", short_help="Find mistakes with background jobs in any Django + Celery code base.")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "--select", metavar="CODES", multiple=True, help="Only these rules: codes, beginnings of codes, or names."
)
@click.option("--ignore", metavar="CODES", multiple=True, help="All but these rules.")
@click.option("--severity", type=click.Choice(SEVERITIES), help="The least severity that counts.  [default: warning]")
@click.option("--exclude", metavar="PATTERN", multiple=True, help="Pass over files and folders that match.")
@click.option("--format", "form", type=click.Choice(formats.FORMATS), default="text", help="How to print the findings.")
@click.option("--fix", is_flag=True, help="Apply the safe fixes, then report what is left.")
@click.option("--diff", is_flag=True, help="Show what --fix would change, and change nothing.")
@click.option("--statistics", is_flag=True, help="Count the findings of each rule.")
@click.option("--show-files", is_flag=True, help="List the files that are read beyond the first glance.")
@click.option("--explain", metavar="RULE", help="Print the manual of a rule and stop.")
@click.option("--baseline", metavar="FILE", help="Pass over the findings that this file knows.")
@click.option("--write-baseline", metavar="FILE", help="Write down today's findings as known.")
@click.option("--introspect", is_flag=True, help="Also ask the running app: starts the project's own interpreter.")
@click.option("--python", metavar="PROGRAM", help="The interpreter for --introspect.")
@click.option("--no-cache", is_flag=True, help="Neither read nor write the cache.")
def command(
    paths: tuple[str, ...],
    form: str,
    explain: str | None,
    fix: bool,
    diff: bool,
    statistics: bool,
    show_files: bool,
    write_baseline: str | None,
    introspect: bool,
    no_cache: bool,
    **wished: object,
) -> None:
    """Check a Django + Celery code base for mistakes with background jobs.

    Reads the code below PATH (default: here) and never runs it. Exit code 0: nothing found, 1: something found,
    2: wrong usage. Silence a line with a comment: # noqa: DJC101
    """
    if explain is not None:
        click.echo(manual(explain))
        return
    root, only = place(paths)
    wishes = merged(configured(root), wished)
    validate((*wishes.select, *wishes.ignore))
    running = ask(root, wishes.python, wishes.exclude) if introspect else None
    report = run(root, wishes.exclude, not no_cache, running)
    if show_files:
        click.echo("\n".join(report.read))
        return
    if fix or diff:
        report = mended(report, wishes, only, running, diff)
    rows = picked(report, wishes, only)
    if write_baseline:
        from pathlib import Path

        from djcelery.checking.baseline import write

        write(Path(write_baseline), rows)
        click.echo(f"{formats.number(len(rows), 'finding')} written to {write_baseline}.", err=True)
        return
    if wishes.baseline:
        rows = beyond(rows, root, wishes.baseline)
    show(rows, report, wishes, only, form, statistics)
    if rows:
        sys.exit(1)


def place(paths: tuple[str, ...]) -> tuple[str, list[str]]:
    """The folder to read, and the parts of it that are asked about."""
    for path in paths:
        if not os.path.exists(path):
            raise UsageError(f"There is no {path}.", "Name a folder or a file that exists.")
    if not paths:
        return os.getcwd(), []
    if len(paths) == 1 and os.path.isdir(paths[0]):
        return os.path.abspath(paths[0]), []
    full = [os.path.abspath(path) for path in paths]
    root = home(os.path.commonpath([path if os.path.isdir(path) else os.path.dirname(path) for path in full]))
    return root, [os.path.relpath(path, root).replace(os.sep, "/") for path in full]


def home(folder: str) -> str:
    """The project that a folder belongs to."""
    current = folder
    while True:
        if any(os.path.exists(os.path.join(current, name)) for name in ("pyproject.toml", "manage.py", ".git")):
            return current
        above = os.path.dirname(current)
        if above == current:
            return folder
        current = above


def merged(wishes: Wishes, wished: dict[str, object]) -> Wishes:
    """The command line wins over the configuration; lists of things to leave out add up."""
    select, ignore = split(wished["select"]), split(wished["ignore"])
    return wishes._replace(
        select=select or wishes.select,
        ignore=(*wishes.ignore, *ignore),
        exclude=(*wishes.exclude, *split(wished["exclude"])),
        severity=str(wished["severity"] or wishes.severity),
        baseline=str(wished["baseline"] or wishes.baseline),
        python=str(wished["python"] or wishes.python),
    )


def split(words: object) -> tuple[str, ...]:
    given = words if isinstance(words, tuple) else ()
    return tuple(word.strip() for each in given for word in str(each).split(",") if word.strip())


def picked(report: Report, wishes: Wishes, only: list[str]) -> list[Row]:
    """The findings that count."""
    return [row for row in report.rows if chosen(row, wishes) and asked(row["path"], only)]


def asked(path: str, only: list[str]) -> bool:
    return not only or any(path == each or path.startswith(f"{each}/") or each == "." for each in only)


def beyond(rows: list[Row], root: str, baseline: str) -> list[Row]:
    from pathlib import Path

    from djcelery.checking.baseline import read, unknown

    path = Path(baseline)
    return unknown(rows, read(path if path.is_absolute() or path.exists() else Path(root) / path))


def mended(report: Report, wishes: Wishes, only: list[str], running: Running | None, diff: bool) -> Report:
    """Apply the safe fixes, again while there are more; with --diff show the first round only."""
    from djcelery.checking.fixing import planned

    for _ in range(5):
        plan = planned(report.root, picked(report, wishes, only))
        if diff:
            click.echo(plan.diff(), nl=False)
            sys.exit(1 if plan.changed else 0)
        if not plan.apply():
            break
        click.echo(f"Fixed {', '.join(plan.changed)}.", err=True)
        report = run(report.root, wishes.exclude, False, running)
    return report


def show(rows: list[Row], report: Report, wishes: Wishes, only: list[str], form: str, statistics: bool) -> None:
    """Findings on stdout, talk on stderr."""
    if statistics:
        click.echo(formats.statistics(rows))
    elif rows or form in {"json", "sarif", "gitlab"}:
        click.echo(formats.render(rows, form, __version__))
    if form == "text":
        hints = 0
        if wishes.severity != "hint" and not wishes.select:
            hints = len(picked(report, wishes._replace(severity="hint"), only)) - len(rows)
        click.echo(formats.summary(rows, max(hints, 0), report.files), err=True)


def ask(root: str, python: str, exclude: tuple[str, ...]) -> Running:
    from djcelery.checking.introspection import ask as ask_app

    return ask_app(root, python, exclude)


def manual(word: str) -> str:
    """The manual of a rule by code or name."""
    from textwrap import indent

    from djcelery.errors import did_you_mean
    from djcelery.rules import RUNTIME_NOTE, all_rules

    for rule in all_rules():
        if word.lower() in {rule.code.lower(), rule.name}:
            held = rule.manual
            return (
                f"{rule.code} {rule.name} ({rule.severity})\n{held.title}\n\nWhy: {held.why}\n\n"
                f"Bad:\n{indent(held.bad, '    ')}\n\nGood:\n{indent(held.good, '    ')}\n\n"
                f"Evidence: {held.evidence}\n\nIgnore it when: {held.ignore}"
                + (f"\n\n{RUNTIME_NOTE}" if rule.uses_runtime else "")
            )
    names = [*(rule.code for rule in all_rules()), *(rule.name for rule in all_rules())]
    raise UsageError(f"There is no rule {word}.", did_you_mean(word, names) if len(word) > 3 else "For example DJC101.")


if __name__ == "__main__":
    command()
