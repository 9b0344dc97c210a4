"""Read and write a baseline: a file of the findings that existed when it was written, and that may stay."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable

from djcelery.errors import UsageError
from djcelery.findings import Finding
from djcelery.safe_files import leaves, read_regular_file, write_atomically

MAX_SIZE = 50_000_000


def read(path: str) -> Counter[str]:
    """Return how often the baseline allows each finding."""
    try:
        content = json.loads(read_regular_file(path, MAX_SIZE))
        return Counter({str(finding): int(count) for finding, count in content["findings"].items()})
    except FileNotFoundError:
        raise UsageError(f"Baseline {path!r} does not exist.", "Create it with --write-baseline.") from None
    except OSError as error:
        raise UsageError(f"Cannot read baseline {path!r}: {error.strerror}.", "Pass an ordinary file.") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(f"{path!r} is not a baseline.", "Create it again with --write-baseline.") from error


def write(path: str, findings: Iterable[Finding], root: str) -> None:
    """Write these findings as a baseline. A link out of the project is refused: the project may be a stranger's."""
    if os.path.islink(path) or leaves(root, path):
        raise UsageError(f"{path!r} is a symbolic link.", "Write the baseline to an ordinary file.")
    write_atomically(path, as_bytes(findings))


def as_bytes(findings: Iterable[Finding]) -> bytes:
    """Return a baseline of these findings."""
    counts = Counter(key(finding) for finding in findings)
    return (json.dumps({"findings": dict(sorted(counts.items()))}, indent=1) + "\n").encode()


def unknown(findings: Iterable[Finding], baseline: Counter[str]) -> list[Finding]:
    """Return the findings that the baseline does not allow. Lines do not count: they move."""
    left = Counter(baseline)
    new = []
    for finding in findings:
        if left[key(finding)] > 0:
            left[key(finding)] -= 1
        else:
            new.append(finding)
    return new


def key(finding: Finding) -> str:
    """Return what a finding is known by."""
    return f"{finding.path}::{finding.code}::{finding.message}"
