"""Put numbers and lists into words."""

from __future__ import annotations

from collections.abc import Sequence


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun; plural: where that is not the noun with an s."""
    return f"{count} {noun if count == 1 else plural or f'{noun}s'}"


def alternatives(words: Sequence[str]) -> str:
    """Join words for a sentence: "a", "a or b", "a, b or c"."""
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
