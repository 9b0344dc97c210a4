"""Test two wheels, the command and the library: complete, of one version, and all that a project needs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.projects import Project, environment, succeed

ROOT = Path(__file__).parents[1]
SLUG = "{{cookiecutter.project_slug}}"
TEMPLATE = ("CHANGELOG.md", "cookiecutter.json", "hooks", "lib/pyproject.toml", SLUG)
LIBRARY = "lib/djcelery_jobs"
PACKAGED = "djcelery/_template/"
RELEASE = "0.2.0"


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
def library_wheel(tmp_path_factory):
    (made,) = build(ROOT / "lib", tmp_path_factory.mktemp("wheel"), "--wheel")
    return made


@pytest.fixture(scope="module", params=[".", "lib"], ids=["command", "library"])
def both_ways(request, wheel, library_wheel, tmp_path_factory):
    """Return a wheel from the checkout, and the one that pip builds where it finds only the source distribution."""
    (sdist,) = build(ROOT / request.param, tmp_path_factory.mktemp("sdist"), "--sdist")
    folder = tmp_path_factory.mktemp("unpacked")
    shutil.unpack_archive(sdist, folder)
    (source,) = folder.iterdir()
    (made,) = build(source, tmp_path_factory.mktemp("wheel"), "--wheel")
    return {".": wheel, "lib": library_wheel}[request.param], made


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Return the folder into which pip installed the wheel: every Python file is compiled, the template's too."""
    return install(tmp_path_factory.mktemp("environment"), wheel)


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """Return the folder with both wheels as a release would build them."""
    source = tmp_path_factory.mktemp("release")
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if not name.startswith(("tests/", "benchmarks/", "docs/")) and (ROOT / name).exists():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name, follow_symlinks=False)
    for name in ("cli/djcelery/__init__.py", "lib/djcelery_jobs/__init__.py"):
        text = re.sub(r'__version__ = ".*"', f'__version__ = "{RELEASE}"', (source / name).read_text())
        (source / name).write_text(text)
    questions = json.loads((source / "cookiecutter.json").read_text())
    questions |= {"_djcelery_version": RELEASE, "_released": True, "_vendored": False}
    (source / "cookiecutter.json").write_text(json.dumps(questions))
    index = tmp_path_factory.mktemp("index")
    build(source, index, "--wheel")
    build(source / "lib", index, "--wheel")
    return index


@pytest.fixture(scope="module")
def released(release, tmp_path_factory):
    """Return the folder into which pip installed the released command."""
    (wheel,) = release.glob("djcelery-*.whl")
    return install(tmp_path_factory.mktemp("environment"), wheel)


def install(folder, wheel):
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", str(wheel)]
    subprocess.run(pip, check=True, env=plain_environment())
    (package,) = folder.glob("lib/python*/site-packages/djcelery")
    return package.parent


def djcelery(package, cwd, *words):
    """Run the command that lies in the folder `package`, with the dependencies of this environment."""
    code = "import sys, djcelery.template; print(djcelery.template.home(), file=sys.stderr); import djcelery.__main__"
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=cwd, env=plain_environment(PYTHONPATH=str(package)),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


def plain_environment(**more):
    settings = ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "PYTHONPATH")
    return {name: value for name, value in os.environ.items() if name not in settings} | more


def template_files():
    """Return the files of the template, and in the place of the link to the library the library's own."""
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
    """Return the project's files, without what a machine keeps for itself: its `.env`, and what `--undo` needs."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), bool(path.stat().st_mode & 0o100))
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".env" and ".djcelery" not in path.relative_to(folder).parts
    }


def test_the_wheel_holds_every_file_of_the_template(wheel):
    assert packaged_files(wheel) == template_files()


def test_the_library_wheel_holds_every_file_of_the_library_and_nothing_else(library_wheel):
    with zipfile.ZipFile(library_wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    ours = {name.removeprefix(f"{SLUG}/") for name in template_files() if name.startswith(f"{SLUG}/djcelery_jobs/")}
    assert names == ours
    assert "djcelery_jobs/README.md" in names


def test_both_wheels_have_one_version(wheel, library_wheel):
    assert wheel.name.split("-")[1] == library_wheel.name.split("-")[1]


def test_a_wheel_from_the_source_distribution_is_the_same(both_ways):
    with zipfile.ZipFile(both_ways[0]) as ours, zipfile.ZipFile(both_ways[1]) as theirs:
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
    for name, package in (("installed", installed), ("checkout", ROOT / "cli")):
        done = djcelery(package, tmp_path, "new", f"{name}/shop", "--no-git", *more)
        home = installed / "djcelery/_template" if package == installed else ROOT
        assert done.stderr.splitlines()[0] == str(home)
    assert rendered(tmp_path / "installed/shop") == rendered(tmp_path / "checkout/shop")


def library_files(folder):
    return {name: content for name, content in rendered(folder).items() if name.startswith("djcelery_jobs/")}


def test_an_unreleased_version_vendors_the_library_byte_for_byte(installed, tmp_path):
    djcelery(installed, tmp_path, "new", "shop", "--no-git")
    with zipfile.ZipFile(next(iter(build(ROOT / "lib", tmp_path / "wheel", "--wheel")))) as archive:
        names = [name for name in archive.namelist() if name.startswith("djcelery_jobs/")]
        library = {name: archive.read(name) for name in names}
    assert {name: content for name, (content, _) in library_files(tmp_path / "shop").items()} == library


def test_a_released_version_makes_a_project_that_depends_on_the_library(released, tmp_path):
    djcelery(released, tmp_path, "new", "shop", "--no-git")
    project = tomllib.loads((tmp_path / "shop/pyproject.toml").read_text())["project"]
    assert "djcelery-jobs[logs,metrics,redis,sentry]>=0.2,<0.3" in project["dependencies"]
    assert f"djcelery=={RELEASE}" in project["optional-dependencies"]["dev"]
    assert not (tmp_path / "shop/djcelery_jobs").exists()


@pytest.mark.parametrize("more", [[], ["--broker=rabbitmq", "--schedule=database", "--no-sentry"]])
def test_a_project_that_is_ejected_is_one_that_was_made_with_vendor(released, tmp_path, more):
    djcelery(released, tmp_path, "new", "ejected/shop", "--no-git", *more)
    before = rendered(tmp_path / "ejected/shop")
    djcelery(released, tmp_path, "new", "vendored/shop", "--no-git", "--vendor", *more)
    djcelery(released, tmp_path, "eject", "ejected/shop", "--yes")
    ejected, vendored = (rendered(tmp_path / name / "shop") for name in ("ejected", "vendored"))
    assert {name for name in {*ejected, *vendored} if ejected.get(name) != vendored.get(name)} == set()
    djcelery(released, tmp_path, "eject", "ejected/shop", "--undo", "--yes")
    assert rendered(tmp_path / "ejected/shop") == before


@pytest.mark.matrix
@pytest.mark.parametrize("flags", [[], ["--vendor"]], ids=["installed", "vendored"])
def test_in_an_empty_environment_the_tests_of_a_project_pass(release, tmp_path, flags):
    # Both wheels come from a local folder, everything else from the index.
    python = tmp_path / "venv/bin/python"
    uv = [sys.executable, "-m", "uv", "--quiet"]
    pip = [*uv, "pip", "install", "--python", python, "--find-links", release]
    succeed([*uv, "venv", "--python", sys.executable, tmp_path / "venv"], env=environment(), timeout=60)
    succeed([*pip, *release.glob("djcelery-*.whl")], env=environment(), timeout=300)
    command = [tmp_path / "venv/bin/djcelery", "new", tmp_path / "shop", "--no-git", *flags]
    succeed([*command, "--json"], env=environment(), timeout=60)
    if not flags:
        succeed([*pip, *release.glob("djcelery_jobs-*.whl")], env=environment(), timeout=300)
    succeed([*pip, "-e", f"{tmp_path / 'shop'}[dev]"], env=environment(), timeout=300)
    project = Project(tmp_path / "shop", python)

    where = project.run("-c", "import djcelery_jobs; print(djcelery_jobs.__file__)")
    assert where.startswith(str(tmp_path / "shop" if flags else tmp_path / "venv"))
    assert " passed" in project.test()
    project.check()
    succeed([tmp_path / "venv/bin/djcelery", "check", "."], cwd=project.path, env=environment(), timeout=60)
