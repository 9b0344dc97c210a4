"""Findings as words: for people, for programs, and for the services that show them beside the code."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

Row = dict[str, Any]
FORMATS = ("text", "json", "github", "sarif", "gitlab")


def render(rows: list[Row], form: str, version: str) -> str:
    """The findings in one of the formats."""
    makers = {"text": text, "json": as_json, "github": github, "gitlab": gitlab}
    return sarif(rows, version) if form == "sarif" else makers[form](rows)


def text(rows: list[Row]) -> str:
    return "\n".join(
        f"{row['path']}:{row['line']}:{row['col']}: {row['code']} {row['message']}{fixable(row)}" for row in rows
    )


def fixable(row: Row) -> str:
    fix = row["fix"]
    if not fix:
        return ""
    return f" [*] {fix['title']}" if fix["safe"] else f" (suggestion: {fix['title']})"


def as_json(rows: list[Row]) -> str:
    return json.dumps(rows, indent=2)


def github(rows: list[Row]) -> str:
    levels = {"error": "error", "warning": "warning", "hint": "notice"}
    return "\n".join(
        f"::{levels[row['severity']]} file={prop(row['path'])},line={row['line']},col={row['col']},"
        f"title={prop(row['code'])}::{data(row['message'] + fixable(row))}"
        for row in rows
    )


def data(words: str) -> str:
    return words.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def prop(words: str) -> str:
    return data(words).replace(":", "%3A").replace(",", "%2C")


def gitlab(rows: list[Row]) -> str:
    import hashlib

    seen: Counter[str] = Counter()
    out = []
    for row in rows:
        key = f"{row['path']}|{row['code']}|{row['message']}"
        seen[key] += 1
        out.append(
            {
                "description": row["message"],
                "check_name": f"{row['code']} {row['name']}",
                "fingerprint": hashlib.blake2b(f"{key}|{seen[key]}".encode(), digest_size=16).hexdigest(),
                "severity": {"error": "major", "warning": "minor", "hint": "info"}[row["severity"]],
                "location": {"path": row["path"], "lines": {"begin": row["line"]}},
            }
        )
    return json.dumps(out, indent=2)


def sarif(rows: list[Row], version: str) -> str:
    codes = sorted({(row["code"], row["name"]) for row in rows})
    driver = {
        "name": "djcelery",
        "version": version,
        "rules": [
            {"id": code, "name": name, "shortDescription": {"text": name.replace("-", " ")}} for code, name in codes
        ],
    }
    places = {code: index for index, (code, _) in enumerate(codes)}
    return json.dumps(
        {
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [
                {
                    "tool": {"driver": driver},
                    "columnKind": "unicodeCodePoints",
                    "results": [result(row, places[row["code"]]) for row in rows],
                }
            ],
        },
        indent=2,
    )


def result(row: Row, index: int) -> dict[str, Any]:
    from urllib.parse import quote

    region = {"startLine": row["line"], "startColumn": row["col"]}
    if row["end_line"]:
        region |= {"endLine": row["end_line"], "endColumn": row["end_col"]}
    location = {"physicalLocation": {"artifactLocation": {"uri": quote(row["path"])}, "region": region}}
    level = {"error": "error", "warning": "warning", "hint": "note"}[row["severity"]]
    return {
        "ruleId": row["code"],
        "ruleIndex": index,
        "level": level,
        "message": {"text": row["message"] + fixable(row)},
        "locations": [location],
    }


def statistics(rows: list[Row]) -> str:
    """How often each rule was broken."""
    counts = Counter((row["code"], row["name"], row["severity"]) for row in rows)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return "\n".join(f"{count:5}  {code}  {name} ({severity})" for (code, name, severity), count in ordered)


def summary(rows: list[Row], hidden: int, files: int) -> str:
    """One line for people, on stderr."""
    counts = Counter(row["severity"] for row in rows)
    fixes = sum(1 for row in rows if row["fix"] and row["fix"]["safe"])
    parts = [number(counts[severity], severity) for severity in ("error", "warning", "hint") if counts[severity]]
    line = (", ".join(parts) or "Nothing found") + f" in {number(files, 'Python file')}."
    if fixes:
        line += f" {fixes} can be fixed with --fix."
    if hidden:
        line += f" {number(hidden, 'hint')} not shown: --severity hint."
    return line


def number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
