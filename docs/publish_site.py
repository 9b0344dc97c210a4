"""Put a built site beside those of other versions: python docs/publish_site.py SITE FOLDER VERSION

FOLDER is what a web server serves. It has a folder for each version, a list of them, and an index that leads to the
newest release, or to `main` as long as there is none.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

START = "docs/index.html"
UNRELEASED = "main"
INDEX = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{refresh}
<title>djcelery: versions of the documentation</title>
<h1>djcelery: versions of the documentation</h1>
<ul>
{items}
</ul>
"""


def publish(site: Path, folder: Path, version: str) -> list[str]:
    """Copy the site of a version, replacing an earlier one, and write the index. Return all versions, the newest first.

    Raise ValueError for a version that is neither `main` nor numbers with dots.
    """
    if version != UNRELEASED and not re.fullmatch(r"\d+(\.\d+)*", version):
        raise ValueError(f"Invalid version: {version!r}. Pass {UNRELEASED} or a number such as 1.2.0.")
    target = folder / version
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(site, target, ignore=shutil.ignore_patterns(".doctrees", ".buildinfo"))
    (folder / ".nojekyll").touch()  # or GitHub would leave out folders such as _static
    versions = sorted((path.parents[1].name for path in folder.glob(f"*/{START}")), key=order, reverse=True)
    items = "\n".join(f'<li><a href="{name}/{START}">{name}</a></li>' for name in versions)
    refresh = f'<meta http-equiv="refresh" content="0; url={versions[0]}/{START}">'
    (folder / "index.html").write_text(INDEX.format(refresh=refresh, items=items))
    (folder / "versions.html").write_text(INDEX.format(refresh="", items=items))
    return versions


def order(version: str) -> list[int]:
    """Return by what versions are sorted: `main` comes after each release."""
    return [] if version == UNRELEASED else [int(number) for number in version.split(".")]


if __name__ == "__main__":
    sys.stdout.write("\n".join(publish(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])) + "\n")
