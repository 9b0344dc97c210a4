"""Return the manual of a rule as text."""

from __future__ import annotations

from textwrap import indent

from djcelery.errors import UsageError, did_you_mean
from djcelery.rules import RUNTIME_NOTE, Rule, all_rules

OWN_CODES = (
    ("DJC001", "unreadable-file", "A file was not checked: it cannot be read or parsed, or is beyond a bound."),
    ("DJC002", "unused-noqa", "A `# noqa: DJC...` comment silences nothing on its line. --fix removes it."),
    ("DJC003", "failed-rule", "A rule failed on this project because of a mistake in djcelery. Please report it."),
)


def list_rules() -> str:
    """Return one line per rule: its code, name, severity and title."""
    rows = [(code, name, "warning", text) for code, name, text in OWN_CODES]
    rows += [(rule.code, rule.name, rule.severity, rule.manual.title) for rule in all_rules()]
    return "\n".join(f"{code}  {name:32} {severity:8} {' '.join(text.split())}" for code, name, severity, text in rows)


def explain(selector: str) -> str:
    """Return the manual of the rule that has a code or name."""
    for rule in all_rules():
        if selector.lower() in {rule.code.lower(), rule.name}:
            return manual_text(rule)
    for code, name, text in OWN_CODES:
        if selector.lower() in {code.lower(), name}:
            return f"{code} {name} (warning)\n{text}"
    known = [*(rule.code for rule in all_rules()), *(rule.name for rule in all_rules())]
    hint = did_you_mean(selector, known) if len(selector) > 3 else "For example: --explain DJC101"
    raise UsageError(f"Unknown rule {selector!r}.", hint)


def manual_text(rule: Rule) -> str:
    """Return the manual of a rule."""
    manual = rule.manual
    parts = [
        f"{rule.code} {rule.name} ({rule.severity})\n{manual.title}",
        f"Why: {manual.why}",
        f"Bad:\n{indent(manual.bad, '    ')}",
        f"Good:\n{indent(manual.good, '    ')}",
        f"Evidence: {manual.evidence}",
        f"Ignore it when: {manual.ignore}",
    ]
    return "\n\n".join([*parts, RUNTIME_NOTE] if rule.uses_runtime else parts)
