"""Keep the answers of single files for the next run, in parts, so that a change writes only one of them again."""

from __future__ import annotations

import zlib
from typing import Any

from djcelery.checking.cache import Cache
from djcelery.project.answers import Answers
from djcelery.project.facts import Module
from djcelery.project.files import UNSAVED, Tree
from djcelery.project.packing import pack

PARTS = 16
Part = dict[str, tuple[int, int, dict[str, Any]]]  # size, time and answers of each file


class KeptAnswers:
    """Hold what an earlier run has kept, and keep what this run leaves."""

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self.parts: list[Part] = [cache.get(f"answers-{number}") or {} for number in range(PARTS)]

    def recall(self, tree: Tree) -> Answers:
        """Return the answers of the files that are in the same state as then."""
        kept = {}
        for entry in tree.entries:
            size, mtime, answers = self.parts[part_of(entry.path)].get(entry.path, (0, UNSAVED, None))
            if answers and (size, mtime) == entry[1:] and mtime != UNSAVED:
                kept[entry.path] = answers
        return Answers(kept, self.cache.get("matches", self._state()) or {})

    def keep(self, tree: Tree) -> None:
        """Put the answers of this run in their place; what no rule has asked for this time is forgotten."""
        parts: list[Part] = [{} for _ in range(PARTS)]
        for path, size, mtime in tree.entries:
            given, known = tree.answers.given.get(path), tree.answers.kept.get(path)
            if not given or mtime == UNSAVED:
                continue
            number = part_of(path)
            if known is not None and given.keys() == known.keys():  # a known answer is never worked out again
                parts[number][path] = self.parts[number][path]
            else:
                answers = {question: as_plain_data(answer) for question, answer in given.items()}
                parts[number][path] = size, mtime, answers
        for number, part in enumerate(parts):
            if part != self.parts[number]:
                self.cache.put(f"answers-{number}", part)
        if parts != self.parts or tree.answers.matches != tree.answers.kept_matches:
            self.cache.put("matches", tree.answers.matches, self._state())

    def _state(self) -> str:
        """Return a text for what is kept of all files, since what a search has not matched depends on each of them."""
        return "-".join(self.cache.digests.get(f"answers-{number}", "") for number in range(PARTS))


def part_of(path: str) -> int:
    """Return the number of the part that a file is in."""
    return zlib.crc32(path.encode("utf-8", "surrogateescape")) % PARTS


def as_plain_data(answer: Any) -> Any:
    """Return an answer as the cache can hold it."""
    return pack(answer) if isinstance(answer, Module) else answer
