"""Remember what single files answered, so that the next run asks only those that have changed.

An answer is plain data, or the facts of a file. It depends on the question, the path and the bytes, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

ByFile = dict[str, dict[str, Any]]  # by path and question


@dataclass(slots=True)
class Answers:
    """Hold the answers of this run, and those of an earlier one about each file that has not changed since."""

    kept: ByFile = field(default_factory=dict)
    kept_matches: dict[str, str] = field(default_factory=dict)  # a file that a search matched, empty for none
    given: ByFile = field(default_factory=dict)
    matches: dict[str, str] = field(default_factory=dict)

    def recall(self, path: str, question: str) -> bool:
        """Return whether the answer of a file is known, and take it over if only the earlier run has it."""
        given = self.given.get(path)
        if given is not None and question in given:
            return True
        kept = self.kept.get(path)
        if kept is None or question not in kept:
            return False
        self.put(path, question, kept[question])
        return True

    def put(self, path: str, question: str, answer: Any) -> None:
        """Remember the answer of a file."""
        self.given.setdefault(path, {})[question] = answer

    def ask(self, path: str, question: str, work_out: Callable[[], Any]) -> Any:
        """Return the answer of a file, worked out only if it is not known."""
        if not self.recall(path, question):
            self.put(path, question, work_out())
        return self.given[path][question]
