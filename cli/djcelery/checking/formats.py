"""Write findings as text for people, and in the formats of the services that show them beside the code."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable

from djcelery.findings import Finding, Severity
from djcelery.output import escape_line
from djcelery.wording import counted

FORMATS = ("text", "concise", "json", "github", "sarif", "gitlab")
GITHUB_LEVELS: dict[str, str] = {"error": "error", "warning": "warning", "hint": "notice"}
GITLAB_SEVERITIES: dict[str, str] = {"error": "major", "warning": "minor", "hint": "info"}
SARIF_LEVELS: dict[str, str] = {"error": "error", "warning": "warning", "hint": "note"}


RULES_PAGE = "docs/rules.md"


def address(code: str, name: str) -> str:
    """Return where the manual of a rule is."""
    return f"{RULES_PAGE}#{code.lower()}-{name} (djcelery check --explain {code})"


def render(findings: list[Finding], output_format: str, version: str) -> str:
    """Return the findings in one of the formats."""
    if output_format == "sarif":
        return as_sarif(findings, version)
    renderers: dict[str, Callable[[list[Finding]], str]] = {
        "concise": as_concise,
        "json": as_json,
        "github": as_github,
        "gitlab": as_gitlab,
    }
    return renderers[output_format](findings)


def as_concise(findings: Iterable[Finding]) -> str:
    """Return one line per finding, in the style of linters."""
    return "\n".join(concise_line(finding, finding.path) for finding in findings)


def concise_line(finding: Finding, path: str) -> str:
    """Return the line about a finding in the file with this path."""
    place, label = f"{path}:{finding.line}:{finding.col}", f"{finding.severity} {finding.code}"
    return escape_line(f"{place}: {label} {finding.message}{fix_note(finding)}")


def fix_note(finding: Finding) -> str:
    """Return what is said about the fix behind a message."""
    if finding.fix is None:
        return ""
    return f" [*] {finding.fix.title}" if finding.fix.safe else f" (suggestion: {finding.fix.title})"


def as_json(findings: Iterable[Finding]) -> str:
    """Return the findings as a JSON list."""
    listed = [finding.as_json() | {"manual": address(finding.code, finding.name)} for finding in findings]
    return json.dumps(listed, indent=2)


def as_github(findings: Iterable[Finding]) -> str:
    """Return the commands by which GitHub Actions shows annotations."""
    return "\n".join(github_command(finding) for finding in findings)


def github_command(finding: Finding) -> str:
    """Return the command for one finding."""
    message = f"{finding.message}{fix_note(finding)}\nSee {address(finding.code, finding.name)}"
    return (
        f"::{GITHUB_LEVELS[finding.severity]} file={github_property(finding.path)},line={finding.line},"
        f"col={finding.col},title={github_property(finding.code)}::{github_data(message)}"
    )


def github_data(text: str) -> str:
    """Return a text as the message of a command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def github_property(text: str) -> str:
    """Return a text as a property of a command."""
    return github_data(text).replace(":", "%3A").replace(",", "%2C")


def as_gitlab(findings: Iterable[Finding]) -> str:
    """Return the findings as a Code Quality report of GitLab."""
    import hashlib

    repeats: Counter[str] = Counter()
    issues = []
    for finding in findings:
        key = f"{finding.path}|{finding.code}|{finding.message}"
        repeats[key] += 1
        identity = f"{key}|{repeats[key]}".encode("utf-8", "surrogateescape")
        issues.append(
            {
                "description": finding.message,
                "content": {"body": f"See {address(finding.code, finding.name)}."},
                "check_name": f"{finding.code} {finding.name}",
                "fingerprint": hashlib.blake2b(identity, digest_size=16).hexdigest(),
                "severity": GITLAB_SEVERITIES[finding.severity],
                "location": {"path": finding.path, "lines": {"begin": finding.line}},
            }
        )
    return json.dumps(issues, indent=2)


def as_sarif(findings: Iterable[Finding], version: str) -> str:
    """Return the findings as SARIF 2.1.0."""
    findings = list(findings)
    rules = sorted({(finding.code, finding.name) for finding in findings})
    indexes = {code: index for index, (code, _) in enumerate(rules)}
    driver = {
        "name": "djcelery",
        "version": version,
        "rules": [
            {
                "id": code,
                "name": name,
                "shortDescription": {"text": name.replace("-", " ")},
                "help": {"text": f"See {address(code, name)}."},
            }
            for code, name in rules
        ],
    }
    sarif_run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [sarif_result(finding, indexes[finding.code]) for finding in findings],
    }
    document = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [sarif_run]}
    return json.dumps(document, indent=2)


def sarif_result(finding: Finding, rule_index: int) -> dict[str, object]:
    """Return one finding as SARIF."""
    from urllib.parse import quote

    region = {"startLine": finding.line, "startColumn": finding.col}
    if finding.end_line:
        region |= {"endLine": finding.end_line, "endColumn": finding.end_col}
    uri = quote(finding.path, errors="surrogateescape")
    return {
        "ruleId": finding.code,
        "ruleIndex": rule_index,
        "level": SARIF_LEVELS[finding.severity],
        "message": {"text": finding.message + fix_note(finding)},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}}],
    }


def statistics(findings: Iterable[Finding]) -> str:
    """Return how many findings each rule has, most first."""
    counts = Counter((finding.code, finding.name, finding.severity) for finding in findings)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return "\n".join(f"{count:5}  {code}  {name} ({severity})" for (code, name, severity), count in ordered)


def summary(findings: list[Finding], hidden_hints: int, python_files: int, outside: int, is_blind: bool) -> str:
    """Return one line that sums a run up."""
    counts = Counter(finding.severity for finding in findings)
    severities: tuple[Severity, ...] = ("error", "warning", "hint")
    parts = [counted(counts[severity], severity) for severity in severities if counts[severity]]
    nothing = "Nothing was understood" if is_blind else "Nothing found"
    line = f"{', '.join(parts) or nothing} in {counted(python_files, 'Python file')}."
    fixable = sum(finding.safe_fix is not None for finding in findings)
    if fixable:
        line += f" {fixable} can be fixed with --fix."
    unsafe = sum(finding.unsafe_fix is not None for finding in findings)
    if unsafe:
        line += f" {unsafe}{' more' if fixable else ''} can be fixed with --fix --unsafe-fixes."
    if hidden_hints:
        line += f" {counted(hidden_hints, 'hint')} hidden: show with --severity hint."
    if outside:
        line += f" Not read: {counted(outside, 'link')} that lead{'s' if outside == 1 else ''} out of the project."
    return line
