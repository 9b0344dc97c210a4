"""`djcelery check`: find mistakes with background jobs in a code base."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path

import click

from djcelery import __version__
from djcelery.checking import bounds, formats, standard_input
from djcelery.checking.options import read_options, validate_selectors
from djcelery.checking.run import run
from djcelery.checking.scope import find_scope, find_unsaved, unchecked
from djcelery.checking.selection import hidden_hints, not_in_baseline, selected
from djcelery.checking.text_report import TextReport, count_by_rule, is_blind, understood
from djcelery.errors import UsageError
from djcelery.findings import SEVERITIES
from djcelery.output import echo, echo_file, escape, escape_line
from djcelery.safe_files import write_atomically
from djcelery.wording import counted

NOT_WITH_STDIN = ("add_noqa", "write_baseline", "introspect")
NOT_WITH_WATCH = ("diff", "add_noqa", "write_baseline", "output_file", "show_files")


@click.command("check", short_help="Find mistakes with background jobs in any Django + Celery code base.")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "--select", metavar="RULES", multiple=True, help="Check only these rules: codes, prefixes of codes, or names."
)
@click.option("--ignore", metavar="RULES", multiple=True, help="Skip these rules.")
@click.option("--severity", type=click.Choice(SEVERITIES), help="Report this severity and above.  [default: warning]")
@click.option("--exclude", metavar="PATTERN", multiple=True, help="Skip files and folders that match a pattern.")
@click.option(
    "--format", "output_format", type=click.Choice(formats.FORMATS), default="text", help="Set the output format."
)
@click.option("--fix", is_flag=True, help="Apply the safe fixes, then report what is left.")
@click.option("--diff", is_flag=True, help="Show what --fix would change, without changing anything.")
@click.option(
    "--unsafe-fixes", is_flag=True, help="Make --fix and --diff include fixes that may change what code does."
)
@click.option(
    "--stdin-filename",
    metavar="PATH",
    help="Read the text of this file from standard input. With --fix, print the fixed text.",
)
@click.option("--watch", is_flag=True, help="Check again whenever a file changes, until you press Ctrl-C.")
@click.option("--add-noqa", is_flag=True, help="Silence the findings with a comment on their lines.")
@click.option("--statistics", is_flag=True, help="Show the number of findings per rule.")
@click.option("--all", "show_all", is_flag=True, help="Show every finding instead of folding those that are alike.")
@click.option("--list-rules", is_flag=True, help="List all rules and exit.")
@click.option("--output-file", metavar="FILE", help="Write the findings to a file instead of stdout.")
@click.option("--exit-zero", is_flag=True, help="Exit with 0 even if something was found.")
@click.option("--config", metavar="FILE", help="Read [tool.djcelery] from this file instead of pyproject.toml.")
@click.option("--cache-dir", metavar="DIR", help="Keep the cache in this folder.")
@click.option("--show-files", is_flag=True, help="List the files that are analysed in full.")
@click.option("--explain", "explained_rule", metavar="RULE", help="Print the manual of a rule and exit.")
@click.option("--baseline", metavar="FILE", help="Ignore the findings in this baseline.")
@click.option("--write-baseline", metavar="FILE", help="Write the current findings to a baseline.")
@click.option(
    "--introspect", is_flag=True, help="Also check the running app. This runs the project's code in its interpreter."
)
@click.option("--python", metavar="PROGRAM", help="Set the interpreter for --introspect.")
@click.option("--no-cache", is_flag=True, help="Do not read or write the cache.")
@click.option(
    "--time-limit",
    metavar="SECONDS",
    type=click.FloatRange(1),
    default=bounds.SECONDS,
    show_default=True,
    help="End a check that takes longer.",
)
def command(
    *,
    paths: tuple[str, ...],
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    severity: str | None,
    exclude: tuple[str, ...],
    output_format: str,
    fix: bool,
    diff: bool,
    unsafe_fixes: bool,
    stdin_filename: str | None,
    watch: bool,
    add_noqa: bool,
    statistics: bool,
    show_files: bool,
    explained_rule: str | None,
    baseline: str | None,
    write_baseline: str | None,
    introspect: bool,
    python: str | None,
    no_cache: bool,
    time_limit: float,
    show_all: bool,
    list_rules: bool,
    output_file: str | None,
    exit_zero: bool,
    config: str | None,
    cache_dir: str | None,
) -> None:
    """Find mistakes with background jobs in a Django + Celery code base.

    Reads the code below PATH (default: the current folder) and never runs it, unless you pass --introspect.
    Exits with 0 if nothing was found, 1 if something was found, and 2 if the command line is wrong.
    A PATH of "-" stands for the text on standard input, and needs --stdin-filename.
    To silence a line, add a comment: # noqa: DJC101
    """
    if explained_rule is not None:
        from djcelery.checking.explain import explain

        echo(explain(explained_rule))
        return
    if list_rules:
        from djcelery.checking.explain import list_rules as all_rules_listed

        echo(all_rules_listed())
        return
    from_stdin = standard_input.is_asked_for(paths, stdin_filename)
    refuse_together(click.get_current_context().params, from_stdin)
    scope = find_unsaved(stdin_filename or "") if from_stdin else find_scope(paths)
    if not from_stdin:
        refuse_unchecked(paths)
    options = read_options(scope.root, config or "").overridden(
        select=select, ignore=ignore, exclude=exclude, severity=severity, baseline=baseline, python=python
    )
    validate_selectors(options)
    if watch:
        from djcelery.checking.watching import watch as check_after_each_change

        context = click.get_current_context()
        again = {**context.params, "watch": False}
        check_after_each_change(scope.root, options.exclude, lambda: context.invoke(command, **again))
    unsaved = {scope.paths[0]: standard_input.read_text()} if from_stdin else {}
    running = None
    if fix and not from_stdin:
        from djcelery.commands.changes import take_back_killed_run
        from djcelery.journal import Journal

        take_back_killed_run(Journal(Path(scope.root)))
    if introspect:
        from djcelery.checking.introspection import ask_app

        running = ask_app(scope.root, options.python, options.exclude)
    with bounds.bounded(time_limit):
        check = partial(run, scope.root, options.exclude, not no_cache, running, cache_dir or "")
        if unsaved and (fix or diff):
            from djcelery.checking.fixing import fix_unsaved

            report, fixed = fix_unsaved(unsaved, options, scope, check, unsafe_fixes)
        else:
            report, fixed = check(unsaved), unsaved
    if show_files:
        echo("\n".join(escape_line(scope.shown(path)) for path in report.read_paths if scope.contains(path)))
        return
    if diff:
        from djcelery.checking.fixing import plan_fixes, plan_unsaved

        if unsaved:
            plan = plan_unsaved(scope.root, unsaved, fixed)
        else:
            plan = plan_fixes(scope.root, selected(report.findings, options, scope), unsafe_fixes)
        echo(plan.diff(), nl=False)
        sys.exit(1 if plan.changed else 0)
    if fix and unsaved:
        echo_file(fixed[scope.paths[0]])
    elif fix:
        from djcelery.checking.fixing import apply_fixes

        report, fixed_paths = apply_fixes(report, options, scope, running, unsafe_fixes)
        if fixed_paths:
            echo(f"Fixed {', '.join(escape_line(scope.shown(path)) for path in fixed_paths)}.", err=True)
    findings = selected(report.findings, options, scope)
    if write_baseline:
        from djcelery.checking.baseline import write

        write(write_baseline, findings, scope.root)
        echo(f"Wrote {counted(len(findings), 'finding')} to {write_baseline}.", err=True)
        return
    findings = not_in_baseline(findings, options, scope)
    if add_noqa:
        from djcelery.checking.adding_noqa import add_noqa as silence_with_comments

        silenced = silence_with_comments(scope.root, findings)
        where = ", ".join(escape_line(scope.shown(path)) for path in silenced.paths)
        echo(f"Silenced {counted(silenced.number, 'finding')}{f' in {where}' if where else ''}.", err=True)
        findings = silenced.left
    if statistics:
        text = (
            json.dumps(count_by_rule(findings), indent=2) if output_format == "json" else formats.statistics(findings)
        )
    elif output_format == "text":
        shown_paths = {finding.path: scope.shown(finding.path) for finding in findings}
        text = TextReport(scope.root, show_all, fixed).render(findings, shown_paths)
    else:
        text = formats.render(scope.with_shown_paths(findings), output_format, __version__)
    if output_file:
        write_atomically(output_file, escape(f"{text}\n").encode())
    elif text:
        echo(text, err=bool(unsaved) and fix, workflow_commands=output_format == "github")
    if output_format in {"text", "concise"}:
        hidden, is_empty = hidden_hints(report.findings, options, scope), is_blind(report.understood)
        echo(formats.summary(findings, hidden, report.python_files, len(report.outside), is_empty), err=True)
        echo(understood(report.understood), err=True)
    sys.exit(1 if findings and not exit_zero else 0)


def refuse_together(parameters: dict[str, object], from_stdin: bool) -> None:
    """Raise UsageError for options that make no sense with standard input, or with --watch."""
    modes = [("Standard input", from_stdin, NOT_WITH_STDIN), ("--watch", parameters["watch"], NOT_WITH_WATCH)]
    for mode, is_on, names in modes:
        for name in names:
            if is_on and parameters[name]:
                option = f"--{name.replace('_', '-')}"
                raise UsageError(f"{mode} cannot be used with {option}.", f"Leave out {option}.")
    if parameters["watch"] and from_stdin:
        raise UsageError("--watch cannot be used with standard input.", "Pass a folder or a file.")


def refuse_unchecked(paths: tuple[str, ...]) -> None:
    """Name the files that are never checked; raise UsageError if there are no others."""
    files = unchecked(paths)
    if files and len(files) == len(paths):
        raise UsageError(f"{files[0]!r} is not a kind of file that is checked.", "Pass a folder or a Python file.")
    for path in files:
        echo(f"Not checked, since it is another kind of file: {escape_line(path)}", err=True)


if __name__ == "__main__":
    command()
