"""Leave the vendored library out of the hooks of pre-commit, which check whatever is committed."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from djcelery import repository
from djcelery.editing import NotEditable
from djcelery.editing.yaml import insert_checked, read_documents, replace_checked, scalar_of
from djcelery.plan import Plan, Snippet
from djcelery.project.installation import LIBRARY

PRE_COMMIT = ".pre-commit-config.yaml"
REASON = f"leaves {LIBRARY}/ out of pre-commit"
FLAGS = re.compile(r"(?:\(\?[aiLmsux]+\))?")  # of a whole pattern: they must stay at its beginning


def leave_library_out_of_hooks(plan: Plan, import_root: str) -> None:
    """Plan to exclude the library from the hooks of the repository, or to say which line does it.

    `import_root` is the folder that the library is in, below the folder of the plan.
    """
    root = plan.root.resolve()
    top = repository.enclosing(root / "any") or root
    folder = (root / import_root / LIBRARY).relative_to(top).as_posix()
    line = f"exclude: ^{re.escape(folder)}/\n"
    if top != root and (top / PRE_COMMIT).is_file():
        path = Path(os.path.relpath(top / PRE_COMMIT, root)).as_posix()
        plan.snippets.append(Snippet(path, 0, line, f"it is outside of the folder {root.name}"))
    if top != root or not plan.exists(PRE_COMMIT):
        return
    try:
        data = plan.read(PRE_COMMIT)
        changed = _excluding(data, folder)
    except NotEditable as error:
        plan.snippets.append(Snippet(PRE_COMMIT, error.line, line, error.reason))
        return
    if changed != data:
        plan.write(PRE_COMMIT, changed, REASON)


def _excluding(data: bytes, folder: str) -> bytes:
    """Return a configuration whose hooks leave a folder out. Raise NotEditable if it is written in another way."""
    documents = read_documents(data)
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise NotEditable("it is not one mapping")
    document = documents[0]
    pattern = f"^{re.escape(folder)}/"
    if "exclude" not in document:
        line = scalar_of(data, "repos", of_key=True).line
        return insert_checked(data, line, f"exclude: {pattern}\n", [{**document, "exclude": pattern}])
    known = _compiled(document["exclude"])
    if known.search(f"{folder}/__init__.py"):
        return data
    flags = FLAGS.match(known.pattern)
    assert flags is not None  # it matches the empty text, too
    wanted = f"{flags[0]}{pattern}|{known.pattern[flags.end() :]}"
    if not _compiled(wanted).search(f"{folder}/__init__.py"):
        raise NotEditable("its exclude is a pattern of another kind")
    place = scalar_of(data, "exclude")
    return replace_checked(data, place, flags[0], f"{flags[0]}{pattern}|", [{**document, "exclude": wanted}])


def _compiled(pattern: Any) -> re.Pattern[str]:
    if not isinstance(pattern, str):
        raise NotEditable("its exclude is not a text")
    try:
        return re.compile(pattern)
    except re.error as error:
        raise NotEditable(f"its exclude is not a pattern: {error}") from None
