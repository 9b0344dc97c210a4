"""Combine the options of a run: the command line overrides `[tool.djcelery]` in pyproject.toml."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import NamedTuple

from djcelery.errors import UsageError, did_you_mean
from djcelery.findings import SEVERITIES, Finding
from djcelery.safe_files import read_regular_file
from djcelery.time_limit import TookTooLong, time_limit

Table = dict[str, object]  # as TOML holds it, before anything is known about it
SECONDS_PER_FILE = 10
MAX_SHOWN = 100  # characters of a wrong value
KEYS = ("select", "ignore", "exclude", "severity", "per-file-ignores", "baseline", "python")


class Options(NamedTuple):
    """Say which files are read, and which findings count."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    severity: str = "warning"
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    baseline: str = ""
    python: str = ""

    def overridden(
        self,
        *,
        select: Iterable[str] = (),
        ignore: Iterable[str] = (),
        exclude: Iterable[str] = (),
        severity: str | None = None,
        baseline: str | None = None,
        python: str | None = None,
    ) -> Options:
        """Return these options with those of the command line. Lists of what to leave out add up; others replace."""
        return self._replace(
            select=split(select) or self.select,
            ignore=(*self.ignore, *split(ignore)),
            exclude=(*self.exclude, *split(exclude)),
            severity=severity or self.severity,
            baseline=baseline or self.baseline,
            python=python or self.python,
        )


def split(values: Iterable[str]) -> tuple[str, ...]:
    """Return the words of comma-separated lists."""
    return tuple(word.strip() for value in values for word in value.split(",") if word.strip())


def read_options(root: str, path: str = "") -> Options:
    """Return the options that a file sets: `path`, or the pyproject.toml of the root if there is one."""
    file = path or os.path.join(root, "pyproject.toml")
    try:
        data = read_regular_file(file)
    except FileNotFoundError:
        if not path:
            return Options()
        raise UsageError(f"Configuration {path!r} does not exist.", "Pass a TOML file.") from None
    except OSError as error:
        raise UsageError(
            f"Cannot read {file}: {error.strerror}.", "Correct the file and run the check again."
        ) from None
    return parse_options(djcelery_table(data, file), file) if b"djcelery" in data else Options()


def djcelery_table(data: bytes, path: str) -> Table:
    """Return the table `[tool.djcelery]`, empty if there is none."""
    import tomllib

    hint = "Correct the file and run the check again."
    try:
        with time_limit(SECONDS_PER_FILE):
            tool = tomllib.loads(data.decode("utf-8")).get("tool", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}", hint) from error
    except (TookTooLong, MemoryError) as error:
        raise UsageError(f"{path} cannot be read: {error or 'it needs too much memory'}.", hint) from error
    table = tool.get("djcelery", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        raise UsageError(f"tool.djcelery in {path} must be a table, got {clipped(table)}.", "Write [tool.djcelery].")
    return table


def clipped(value: object) -> str:
    """Return a value as text of a bounded length."""
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def parse_options(table: Table, path: str) -> Options:
    """Return the options in a table; raise UsageError for a key or value that is wrong."""
    for key in table:
        if key not in KEYS:
            raise UsageError(f"Unknown key {clipped(key)} in [tool.djcelery] of {path}.", did_you_mean(key, KEYS))
    per_file = table.get("per-file-ignores", {})
    if not isinstance(per_file, dict):
        raise UsageError(
            f"per-file-ignores in {path} must be a table, got {clipped(per_file)}.",
            'For example: per-file-ignores = {"legacy/*" = ["DJC101"]}',
        )
    severity = table.get("severity", "warning")
    if severity not in SEVERITIES:
        raise UsageError(f"Invalid severity {clipped(severity)} in {path}.", did_you_mean(str(severity), SEVERITIES))
    return Options(
        string_list(table, "select", path),
        string_list(table, "ignore", path),
        string_list(table, "exclude", path),
        severity,
        tuple((pattern, string_list(per_file, pattern, path)) for pattern in per_file),
        str(table.get("baseline", "")),
        str(table.get("python", "")),
    )


def string_list(table: Table, key: str, path: str) -> tuple[str, ...]:
    """Return a list of strings from a table; raise UsageError for anything else."""
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise UsageError(
            f"{key} in {path} must be a list of strings, got {clipped(value)}.", f'For example: {key} = ["DJC101"]'
        )
    return tuple(value)


def validate_selectors(options: Options) -> None:
    """Raise UsageError for a code or name that no rule has."""
    per_file = [selector for _, selectors in options.per_file_ignores for selector in selectors]
    unsure = [
        selector
        for selector in (*options.select, *options.ignore, *per_file)
        if not re.fullmatch(r"DJC\d{0,2}", selector)
    ]
    if not unsure:
        return
    from djcelery.rules import all_rules

    known = {rule.code for rule in all_rules()} | {rule.name for rule in all_rules()} | {"DJC001", "DJC002", "DJC003"}
    for selector in unsure:
        if selector not in known:
            hint = did_you_mean(selector, known) if len(selector) > 3 else "docs/rules.md lists all rules."
            raise UsageError(f"Unknown rule {clipped(selector)}.", hint)


def is_selected(finding: Finding, options: Options) -> bool:
    """Return whether a finding counts under these options."""
    code, name = finding.code, finding.name
    selected_exactly = code in options.select or name in options.select
    severities: tuple[str, ...] = SEVERITIES
    if not selected_exactly and severities.index(finding.severity) > severities.index(options.severity):
        return False
    if options.select and not matches_rule(code, name, options.select):
        return False
    if matches_rule(code, name, options.ignore):
        return False
    return not any(
        matches_path(finding.path, pattern) and matches_rule(code, name, selectors)
        for pattern, selectors in options.per_file_ignores
    )


def matches_rule(code: str, name: str, selectors: Iterable[str]) -> bool:
    """Return whether a selector is the beginning of the code, or the name."""
    return any(code.startswith(selector) or name == selector for selector in selectors)


def matches_path(path: str, pattern: str) -> bool:
    """Return whether a pattern matches a path, or names a folder above it."""
    from fnmatch import fnmatch

    return fnmatch(path, pattern) or path.startswith(pattern.rstrip("/") + "/")
