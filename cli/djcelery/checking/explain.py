"""The manual of a rule, as text."""

from __future__ import annotations

from textwrap import indent

from djcelery.errors import UsageError, did_you_mean
from djcelery.rules import RUNTIME_NOTE, Rule, all_rules


def explain(selector: str) -> str:
    """Return the manual of the rule that has a code or name."""
    for rule in all_rules():
        if selector.lower() in {rule.code.lower(), rule.name}:
            return manual_text(rule)
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
