"""Read what changed between two versions from the list of changes that the command carries."""

from __future__ import annotations

import re

from djcelery import template
from djcelery.updating.releases import sort_key

HEADING = re.compile(r"^## (?P<version>\d+(?:\.\d+)*(?:\.dev\d+)?)\b.*$", re.M)


def between(old: str, new: str) -> str:
    """Return the sections of the versions after `old`, up to `new`, newest first.

    A development version is one of those of its section, so that section counts as new to it.
    """
    text = (template.home() / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = list(HEADING.finditer(text))
    ends = [heading.start() for heading in headings[1:]] + [len(text)]
    sections = [
        text[heading.start() : end].strip()
        for heading, end in zip(headings, ends, strict=True)
        if sort_key(old) < sort_key(heading["version"]) and sort_key(heading["version"])[0] <= sort_key(new)[0]
    ]
    return "\n\n".join(sections)
