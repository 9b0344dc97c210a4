"""Find the project that a folder is in, without reading any of its files."""

from __future__ import annotations

from pathlib import Path

from djcelery.errors import CommandError

MARKERS = (".djcelery.toml", "manage.py")


def find_root(start: Path) -> Path:
    """Return the project that a folder is in: the closest folder above with a record, else with a `manage.py`.

    Raise CommandError if there is none.
    """
    folder = start.resolve()
    if not folder.is_dir():
        raise CommandError(f"There is no folder {start}.", "Name the folder of the project.")
    for marker in MARKERS:
        for candidate in (folder, *folder.parents):
            if (candidate / marker).is_file():
                return candidate
    raise CommandError(
        f"There is no Django project in {folder}.", "Run the command in a project, or pass --project DIR."
    )
