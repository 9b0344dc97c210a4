"""The wheel holds the whole template, and a project made from it is the one made from the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SLUG = "{{cookiecutter.project_slug}}"
TEMPLATE = ("cookiecutter.json", "hooks", SLUG)
LIBRARY = "lib/djcelery_jobs"
PACKAGED = "djcelery/_template/"


def build(source, out, *kinds):
    """Build without the network: what the build needs is in this environment."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), *kinds, str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return sorted(out.iterdir())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    (made,) = build(ROOT, tmp_path_factory.mktemp("wheel"), "--wheel")
    return made


@pytest.fixture(scope="module")
def wheel_from_sdist(tmp_path_factory):
    """The wheel that pip builds where it finds only the source distribution."""
    (sdist,) = build(ROOT, tmp_path_factory.mktemp("sdist"), "--sdist")
    folder = tmp_path_factory.mktemp("unpacked")
    shutil.unpack_archive(sdist, folder)
    (source,) = folder.iterdir()
    (made,) = build(source, tmp_path_factory.mktemp("wheel"), "--wheel")
    return made


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The folder into which pip installed the wheel: every Python file is compiled, the template's too."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", str(wheel)]
    subprocess.run(pip, check=True, env=plain_environment())
    (package,) = folder.glob("lib/python*/site-packages/djcelery")
    return package.parent


def plain_environment(**more):
    settings = ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "PYTHONPATH")
    return {name: value for name, value in os.environ.items() if name not in settings} | more


def template_files():
    """The files of the template, and in the place of the link to the library the library's own."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z", *TEMPLATE, LIBRARY]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = {name.replace(LIBRARY, f"{SLUG}/djcelery_jobs", 1) for name in listed.split("\0") if name}
    return {name for name in names if (ROOT / name).is_file()}


def packaged_files(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert not [name for name in names if "__pycache__" in name]
    return {name.removeprefix(PACKAGED) for name in names if name.startswith(PACKAGED)}


def rendered(folder):
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), bool(path.stat().st_mode & 0o100))
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".env"
    }


def test_the_wheel_holds_every_file_of_the_template(wheel):
    assert packaged_files(wheel) == template_files()


def test_a_wheel_from_the_source_distribution_is_the_same(wheel, wheel_from_sdist):
    with zipfile.ZipFile(wheel) as ours, zipfile.ZipFile(wheel_from_sdist) as theirs:
        assert sorted(ours.namelist()) == sorted(theirs.namelist())
        for name in ours.namelist():
            assert ours.read(name) == theirs.read(name), name


def test_the_wheel_needs_no_more_than_it_says(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = archive.read(name).decode().splitlines()
    needed = [line for line in lines if line.startswith("Requires-Dist:") and "extra ==" not in line]
    names = [line.split()[1].split(">")[0].split("<")[0] for line in needed]
    assert names == ["click", "cookiecutter", "jinja2", "pyyaml"]


@pytest.mark.parametrize("more", [[], ["--broker=rabbitmq", "--schedule=database", "--no-sentry", "--ci=gitlab"]])
def test_a_project_from_the_wheel_is_the_one_from_the_checkout(installed, tmp_path, more):
    assert list(installed.rglob("_template/**/__pycache__/*.pyc")), "nothing was compiled, so nothing was tested"
    for name, where in (("installed", installed), ("checkout", ROOT / "cli")):
        code = (
            "import sys, djcelery.template; print(djcelery.template.home(), file=sys.stderr); import djcelery.__main__"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, "new", f"{name}/shop", "--no-git", *more],
            cwd=tmp_path, env=plain_environment(PYTHONPATH=str(where)), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        home = installed / "djcelery/_template" if where == installed else ROOT
        assert done.stderr.splitlines()[0] == str(home)
    assert rendered(tmp_path / "installed/shop") == rendered(tmp_path / "checkout/shop")
