"""Fetch the real code that the rules are judged on: pinned by version and hash, unpacked into a cache, never committed.

`python tests/corpus/fetch.py` prints where it lies. To move to newer releases, change `corpus.toml` and judge again.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
import tarfile
import tempfile
import tomllib
import urllib.request
import zipfile
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

HERE = Path(__file__).parent
LIST = HERE / "corpus.toml"


def home() -> Path:
    """Return the folder that holds the unpacked projects; DJCELERY_CORPUS names another one."""
    return Path(os.environ.get("DJCELERY_CORPUS") or Path(tempfile.gettempdir()) / "djcelery-corpus")


def projects() -> list[dict[str, str]]:
    listed: list[dict[str, str]] = tomllib.loads(LIST.read_text())["project"]
    return listed


def address(project: dict[str, str]) -> str:
    """Return where the package index that pip uses has the file with this hash."""
    from pip._internal.models.index import PyPI  # the one place that knows the index which pip uses

    index = os.environ.get("PIP_INDEX_URL") or PyPI.simple_url
    page = f"{index.rstrip('/')}/{project['name']}/"
    request = urllib.request.Request(page, headers={"Accept": "application/vnd.pypi.simple.v1+json, text/html;q=0.1"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310 - the index of pip
        for url, sha256 in files(answer.read().decode()):
            if sha256 == project["sha256"]:
                return urljoin(page, url)
    sys.exit(f"The index has no file of {project['name']} {project['version']} with the hash in corpus.toml")


def files(page: str) -> Iterator[tuple[str, str]]:
    """Yield the address and hash of each file on a page of an index, which may answer as JSON or as HTML."""
    if page.lstrip().startswith("{"):
        yield from ((file["url"], file["hashes"].get("sha256", "")) for file in json.loads(page)["files"])
        return
    for link in re.findall(r'href="([^"]+)"', page):
        url, _, sha256 = unescape(link).partition("#sha256=")
        yield url, sha256


def fetch(project: dict[str, str], into: Path) -> Path:
    """Download, compare the hash, unpack beside, rename once: what is there is whole."""
    target = into / f"{project['name']}-{project['version']}"
    if target.is_dir():
        return target
    into.mkdir(parents=True, exist_ok=True)
    url = address(project)
    with urllib.request.urlopen(url, timeout=120) as answer:  # noqa: S310 - an address from the index
        data = answer.read()
    if hashlib.sha256(data).hexdigest() != project["sha256"]:
        sys.exit(f"{url} is not what corpus.toml promises")
    with tempfile.TemporaryDirectory(dir=into) as room:
        unpack(url, data, Path(room))
        try:
            (Path(room) / "out").rename(target)
        except OSError:
            if not target.is_dir():  # else another process of the tests was quicker
                raise
    return target


def unpack(url: str, data: bytes, room: Path) -> None:
    archive, out = room / "archive", room / "out"
    archive.write_bytes(data)
    if url.endswith(".whl"):
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(out)
        return
    # Python 3.11.2, which Debian 12 has, knows no filters yet. What is unpacked has the hash that we pinned.
    safely: Any = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    with tarfile.open(archive) as sdist:
        sdist.extractall(room / "raw", **safely)
    (inner,) = (room / "raw").iterdir()
    shutil.move(inner, out)


def everything() -> dict[str, Path]:
    """Return every project of the list by name, downloaded where it is missing."""
    return {project["name"]: fetch(project, home()) for project in projects()}


if __name__ == "__main__":
    for name, folder in everything().items():
        print(name, folder)
