"""Warn when somebody edited the library in a project that holds it as a folder: an upgrade would lose the edit."""

import hashlib
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks

PACKAGE = Path(__file__).resolve().parent
RECORD = ".djcelery.toml"
CACHES = ("__pycache__", "_cache")
MAX_LISTED = 10


@checks.register("djcelery_jobs")
def check_vendored_files(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Compare the folder with the hashes that the project's record holds; an installed package is not judged."""
    recorded = _recorded_hashes(PACKAGE)
    if not recorded:
        return []
    actual = {path: hashlib.sha256(file.read_bytes()).hexdigest() for path, file in _files(PACKAGE)}
    edited = sorted(path for path in {*recorded, *actual} if recorded.get(path) != actual.get(path))
    if not edited:
        return []
    listed = ", ".join(edited[:MAX_LISTED]) + (", ..." if len(edited) > MAX_LISTED else "")
    return [
        checks.Warning(
            f"Files of the vendored library were edited: {listed}.",
            hint="Restore them. To change the library's behavior, set DJCELERY_JOBS in the settings.",
            id="djcelery_jobs.W019",
        )
    ]


def _recorded_hashes(package: Path) -> dict[str, str]:
    """Return the hashes of the library's files in the project's record; none if the package is not beside it."""
    base = Path(getattr(settings, "BASE_DIR", "") or ".").resolve()
    if package.parent != base or not (base / RECORD).is_file():
        return {}
    hashes = tomllib.loads((base / RECORD).read_text(encoding="utf-8")).get("files", {})
    return {path: digest for path, digest in hashes.items() if path.startswith(f"{package.name}/")}


def _files(package: Path) -> Iterator[tuple[str, Path]]:
    for file in package.rglob("*"):
        path = file.relative_to(package.parent)
        if file.is_file() and not any(part.endswith(CACHES) for part in path.parts):
            yield path.as_posix(), file
