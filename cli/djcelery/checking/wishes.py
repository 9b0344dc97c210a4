"""What a run is asked to do: the command line over `[tool.djcelery]` in pyproject.toml."""

from __future__ import annotations

import os
import re
from typing import Any, NamedTuple

from djcelery.errors import UsageError, did_you_mean

SEVERITIES = ("error", "warning", "hint")
KEYS = ("select", "ignore", "exclude", "severity", "per-file-ignores", "baseline", "python")


class Wishes(NamedTuple):
    """Which findings count."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    severity: str = "warning"
    per_file: tuple[tuple[str, tuple[str, ...]], ...] = ()
    baseline: str = ""
    python: str = ""


def configured(root: str) -> Wishes:
    """What pyproject.toml wishes."""
    path = os.path.join(root, "pyproject.toml")
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return Wishes()
    if b"tool.djcelery" not in data and b"djcelery" not in data:
        return Wishes()
    return from_table(table(data, path), path)


def table(data: bytes, path: str) -> dict[str, Any]:
    import tomllib

    try:
        held = tomllib.loads(data.decode("utf-8")).get("tool", {}).get("djcelery", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}", "Correct the file, then check again.") from error
    return held if isinstance(held, dict) else {}


def from_table(held: dict[str, Any], path: str) -> Wishes:
    for key in held:
        if key not in KEYS:
            raise UsageError(f"[tool.djcelery] in {path} has an unknown key {key!r}.", did_you_mean(key, KEYS))
    per_file = held.get("per-file-ignores", {})
    if not isinstance(per_file, dict):
        raise UsageError(f"per-file-ignores in {path} must be a table.", 'For example {"legacy/*" = ["DJC101"]}.')
    wishes = Wishes(
        words(held, "select", path),
        words(held, "ignore", path),
        words(held, "exclude", path),
        held.get("severity", "warning"),
        tuple((pattern, words(per_file, pattern, path)) for pattern in per_file),
        str(held.get("baseline", "")),
        str(held.get("python", "")),
    )
    if wishes.severity not in SEVERITIES:
        raise UsageError(f"severity in {path} is {wishes.severity!r}.", did_you_mean(str(wishes.severity), SEVERITIES))
    return wishes


def words(held: dict[str, Any], key: str, path: str) -> tuple[str, ...]:
    found = held.get(key, [])
    if isinstance(found, str) or not isinstance(found, list) or not all(isinstance(word, str) for word in found):
        raise UsageError(f"{key} in {path} must be a list of texts.", f'For example {key} = ["DJC101"].')
    return tuple(found)


def validate(chosen: tuple[str, ...]) -> None:
    """Refuse a code or name that no rule has."""
    doubtful = [word for word in chosen if not re.fullmatch(r"DJC\d{0,2}", word)]
    if not doubtful:
        return
    from djcelery.rules import all_rules

    known = {rule.code for rule in all_rules()} | {rule.name for rule in all_rules()} | {"DJC001", "DJC002"}
    for word in doubtful:
        if word not in known:
            raise UsageError(
                f"There is no rule {word}.", did_you_mean(word, known) if len(word) > 3 else "See --statistics."
            )


def chosen(row: dict[str, Any], wishes: Wishes) -> bool:
    """Whether a finding counts."""
    code, name = row["code"], row["name"]
    exact = code in wishes.select or name in wishes.select
    if not exact and SEVERITIES.index(row["severity"]) > SEVERITIES.index(wishes.severity):
        return False
    if wishes.select and not matches(code, name, wishes.select):
        return False
    if matches(code, name, wishes.ignore):
        return False
    return not any(fits(row["path"], pattern) and matches(code, name, codes) for pattern, codes in wishes.per_file)


def matches(code: str, name: str, words: tuple[str, ...]) -> bool:
    return any(code.startswith(word) or name == word for word in words)


def fits(path: str, pattern: str) -> bool:
    from fnmatch import fnmatch

    return fnmatch(path, pattern) or path.startswith(pattern.rstrip("/") + "/")
