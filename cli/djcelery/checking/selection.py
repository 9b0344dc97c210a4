"""Select the findings that are reported."""

from __future__ import annotations

import os
from collections.abc import Iterable

from djcelery.checking import baseline
from djcelery.checking.options import Options, is_selected
from djcelery.checking.scope import Scope
from djcelery.findings import Finding


def selected(findings: Iterable[Finding], options: Options, scope: Scope) -> list[Finding]:
    """Return the findings that the options and the paths on the command line ask for."""
    return [finding for finding in findings if is_selected(finding, options) and scope.contains(finding.path)]


def not_in_baseline(findings: list[Finding], options: Options, scope: Scope) -> list[Finding]:
    """Return the findings that the baseline does not know; all of them if there is no baseline."""
    if not options.baseline:
        return findings
    path = options.baseline
    if not os.path.isabs(path) and not os.path.exists(path):
        path = os.path.join(scope.root, path)
    return baseline.unknown(findings, baseline.read(path))


def hidden_hints(findings: Iterable[Finding], options: Options, scope: Scope) -> int:
    """Count the hints that only the severity hides."""
    if options.severity == "hint" or options.select:
        return 0
    every_severity = options._replace(severity="hint")
    return sum(finding.severity == "hint" for finding in selected(findings, every_severity, scope))
