"""Test `djcelery check` on odd and hostile trees: what it reads, how long it takes, and that it ends in words."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from djcelery import errors, main, time_limit
from djcelery.checking import bounds
from djcelery.checking.run import findings_of
from djcelery.project import files, loading
from djcelery.project.files import Tree
from djcelery.project.infrastructure import processes_in
from djcelery.project.project import Project
from djcelery.project.yaml_documents import MAX_NODES, TooLarge, documents
from tests.unit.small_shop import TASKS, check, write_shop

ALIASES = [f"  a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]
BOMB = "\n".join(["services:", "  a0: &a0 [celery, worker]", *ALIASES])


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return write_shop(tmp_path / "project")


def rows(folder: Path) -> list[tuple[str, str]]:
    result = check(folder, "--format", "json", "--no-cache")
    assert result.exit_code in {0, 1}, result.exception
    return [(row["path"], row["code"]) for row in json.loads(result.stdout)]


def scanned(folder: Path) -> Tree:
    tree = Tree(str(folder))
    tree.scan()
    return tree


# -- what is read


@pytest.mark.parametrize("name", ["x.py", "compose.yaml", "Procfile", "worker.service"])
def test_a_pipe_is_named_and_not_opened(shop, name):
    os.mkfifo(shop / name)
    assert sorted(rows(shop)) == sorted([(name, "DJC001"), ("shop/tasks.py", "DJC101")])


def test_a_device_is_not_read(shop):
    for name, target in (("zero.py", "/dev/zero"), ("null.py", "/dev/null"), ("tty.yaml", "/dev/tty")):
        (shop / name).symlink_to(target)
    assert [row for row in rows(shop) if row[1] == "DJC101"] == [("shop/tasks.py", "DJC101")]
    tree = scanned(shop)
    assert [entry.path for entry in tree.entries] == ["shop/tasks.py"]
    assert tree.outside == ["null.py", "tty.yaml", "zero.py"]


def test_what_becomes_a_pipe_after_it_was_listed_is_not_waited_for(shop):
    tree = scanned(shop)
    (shop / "shop" / "tasks.py").unlink()
    os.mkfifo(shop / "shop" / "tasks.py")
    with pytest.raises(OSError, match="not a regular file"):
        tree.read("shop/tasks.py")


def test_a_socket_is_named(shop):
    import socket

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(shop / "tasks.py"))
        assert ("tasks.py", "DJC001") in rows(shop)


def test_no_link_leads_out_of_the_root(shop, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "tasks.py").write_text(TASKS)
    (shop / "all").symlink_to("/")
    (shop / "near").symlink_to(tmp_path / "outside")
    (shop / "file.py").symlink_to(tmp_path / "outside" / "tasks.py")
    (shop / "up").symlink_to("..")
    assert rows(shop) == [("shop/tasks.py", "DJC101")]
    result = check(shop)
    assert "4 links that lead out of the project" in result.stderr


def test_loops_of_links_end(shop):
    (shop / "self").symlink_to(".")
    (shop / "a").symlink_to("b")
    (shop / "b").symlink_to("a")
    (shop / "shop" / "up").symlink_to("..")
    (shop / "shop" / "again").symlink_to(shop / "shop" / "up" / "shop")
    assert [row for row in rows(shop) if row[1] != "DJC001"] == [("shop/tasks.py", "DJC101")]


def test_a_file_with_several_names_gives_its_findings_once(shop):
    (shop / "shop" / "jobs.py").symlink_to("tasks.py")
    (shop / "copy").symlink_to("shop")
    assert rows(shop) == [("shop/tasks.py", "DJC101")]


def test_a_task_is_known_under_the_name_of_a_link(shop):
    (shop / "work").symlink_to("shop")
    (shop / "views.py").write_text(
        "from django.db import transaction\nfrom work.tasks import index\n\n\n"
        "def place(order):\n    with transaction.atomic():\n        index.delay(order.pk)\n"
    )
    assert rows(shop) == [("shop/tasks.py", "DJC101"), ("views.py", "DJC101")]


def test_what_is_only_reached_through_a_link_is_read(shop):
    (shop / ".hidden").mkdir()
    (shop / ".hidden" / "tasks.py").write_text(TASKS)
    (shop / "seen").symlink_to(".hidden")
    assert rows(shop) == [("seen/tasks.py", "DJC101"), ("shop/tasks.py", "DJC101")]


def test_a_file_that_is_too_large_is_named(shop):
    with (shop / "sparse.py").open("wb") as file:
        file.truncate(50 * 1024**3)
    (shop / "big.py").write_text("# celery\n" + "x = 1\n" * 400_000)
    assert rows(shop) == [("big.py", "DJC001"), ("shop/tasks.py", "DJC101"), ("sparse.py", "DJC001")]


def test_too_many_files_are_refused_in_words(shop, monkeypatch):
    monkeypatch.setattr(files, "MAX_FILES", 3)
    for number in range(4):
        (shop / f"m{number}.py").touch()
    with pytest.raises(errors.CommandError, match="more than 3 files"):
        CliRunner().invoke(main.cli, ["check", str(shop)], standalone_mode=False, catch_exceptions=False)


# -- bombs and odd shapes


def test_aliases_of_yaml_are_counted_as_what_they_stand_for(shop):
    (shop / "compose.yaml").write_text(BOMB + "\n  worker: {command: *a9}\n")
    (shop / "merge.yaml").write_text(
        "services: &s0 {a: {command: celery worker}}\n"
        + "".join(f"m{i}: &s{i} {{<<: [{', '.join([f'*s{i - 1}'] * 9)}], k{i}: 1}}\n" for i in range(1, 10))
    )
    (shop / "ring.yaml").write_text("services: &r {celery: [*r, *r], worker: {command: *r}}\n")
    began = time.monotonic()
    assert [path for path, code in rows(shop) if code == "DJC001"] == ["compose.yaml", "merge.yaml", "ring.yaml"]
    assert time.monotonic() - began < 20


def test_plain_aliases_and_merges_are_read():
    text = "x: &x {command: celery worker, scale: 2}\nservices:\n  a: {<<: *x, scale: 3}\n  b: *x\n"
    assert [(p.name, p.replicas, p.role) for p in processes_in("compose.yaml", text.encode())] == [
        ("a", 3, "worker"),
        ("b", 2, "worker"),
    ]


def test_scalars_are_texts_unless_they_are_small():
    (document,) = documents("a: 1\nb: yes\nc: ~\nd: 1:20:30\ne: 2020-01-01\nf: !odd x\ng: 1.5\nh: " + "9" * 5000)
    assert {key: value for key, value in document.items() if key != "h"} == {
        "a": 1, "b": True, "c": None, "d": "1:20:30", "e": "2020-01-01", "f": "x", "g": "1.5",
    }  # fmt: skip
    with pytest.raises(TooLarge):
        documents("a: [" + "1," * MAX_NODES + "]")


@pytest.mark.parametrize(
    "text",
    [
        "kind: Deployment\nspec: [1]\n#containers: celery",
        "kind: Deployment\nspec: {template: [celery]}\n#containers:",
        "kind: Deployment\nspec: {template: {spec: [celery]}}\n#containers:",
        "kind: Deployment\nspec: {template: {spec: {containers: 5}}}\n#containers: celery",
        "kind: Deployment\nspec: {template: {spec: {containers: [5, {command: 5, args: {a: 1}}]}}}\n# celery",
        "kind: [Deployment]\nmetadata: [1]\nspec: 7\n#containers: celery",
        "kind: ScaledObject\nspec: [scaleTargetRef]\n",
        "kind: {a: 1}\nspec: {scaleTargetRef: [1]}\n",
        "services: [celery]\n",
        "services: {celery: [1], b: 5, c: {command: {a: 1}}, d: {command: [[celery]], deploy: 5, scale: [1]}}\n",
        "services: {celery: {command: celery worker, stop_grace_period: [1, 2], scale: {a: 1}}}\n",
        "services:\n  ? [celery, {a: b}]\n  : {command: celery worker}\n",
        "services: {celery: {command: '" + "sh -c " * 2000 + "celery worker'}}\n",
        "services: " + "{celery: " * 300 + "}" * 300,
    ],
)
def test_an_odd_shape_does_not_end_the_check(shop, text):
    (shop / "compose.yaml").write_text(text)
    assert ("shop/tasks.py", "DJC101") in rows(shop)
    assert not [row for row in rows(shop) if row[1] == "DJC003"]


@pytest.mark.parametrize("table", ["tool = 5", "tool = []", "[tool]\nother = 1"])
def test_a_pyproject_without_our_table_sets_nothing(shop, table):
    (shop / "pyproject.toml").write_text(f"# djcelery\n{table}\n")
    assert rows(shop) == [("shop/tasks.py", "DJC101")]


@pytest.mark.parametrize("table", ["[tool]\ndjcelery = 5", "[tool.djcelery]\nselect = [[[]]]"])
def test_a_table_of_ours_that_is_odd_is_wrong_usage(shop, table):
    (shop / "pyproject.toml").write_text(table)
    with pytest.raises(errors.UsageError):
        CliRunner().invoke(main.cli, ["check", str(shop)], standalone_mode=False, catch_exceptions=False)


def test_a_huge_key_of_toml_is_refused_in_time_and_in_short(shop, djcelery, monkeypatch):
    (shop / "pyproject.toml").write_text("[tool.djcelery]\n" + "a." * 100_000 + "b = 1\n")
    began = time.monotonic()
    done = djcelery("check", str(shop))
    assert done.returncode == 2
    assert len(done.stderr) < 1000
    assert time.monotonic() - began < 40


@pytest.mark.parametrize("name", ["pyproject.toml", "known.json"])
def test_a_configuration_that_is_a_pipe_or_a_device_is_refused(shop, name):
    for make in (lambda: os.mkfifo(shop / name), lambda: (shop / name).symlink_to("/dev/zero")):
        make()
        words = ["check", str(shop), *(["--baseline", str(shop / name)] if name == "known.json" else [])]
        with pytest.raises(errors.UsageError):
            CliRunner().invoke(main.cli, words, standalone_mode=False, catch_exceptions=False)
        (shop / name).unlink()


CIRCLES = {
    "a circle": "class B(C): pass\nclass C(B): pass\n",
    "itself": "class B(B): pass\n",
    "a circle of three": "class B(D): pass\nclass C(B): pass\nclass D(C): pass\n",
    "a diamond of 22 levels": "class A0: pass\nclass B0: pass\n"
    + "".join(f"class A{i + 1}(A{i}, B{i}): pass\nclass B{i + 1}(B{i}, A{i}): pass\n" for i in range(22))
    + "class B(A22, B22): pass\n",
}


@pytest.mark.parametrize("classes", CIRCLES.values(), ids=CIRCLES)
def test_classes_that_inherit_in_circles_and_diamonds(classes):
    text = (
        f"from celery import Celery, shared_task\n{classes}\napp = Celery('x', task_cls=B)\n"
        "@shared_task(base=B)\ndef work(pk): ...\n@app.task(base=B)\ndef more(pk): ...\n"
        "class Order(B):\n    def save(self):\n        work.delay(self.pk)\n"
    )
    began = time.monotonic()
    found = findings_of(Project.of({"shop/tasks.py": text, "shop/celery.py": text}))
    assert not [finding for finding in found if finding.code in {"DJC001", "DJC003"}]
    assert time.monotonic() - began < 10


# -- time


def test_the_time_of_a_file_is_bounded_and_the_others_are_checked(shop, monkeypatch):
    (shop / "slow.py").write_text("# celery\n")
    facts_of_file = loading.facts_of_file

    def slow(tree, job):
        while job.path == "slow.py":
            pass
        return facts_of_file(tree, job)

    monkeypatch.setattr(loading, "facts_of_file", slow)
    monkeypatch.setattr(loading, "SECONDS_PER_FILE", 0.2)
    assert rows(shop) == [("shop/tasks.py", "DJC101"), ("slow.py", "DJC001")]


def test_the_time_of_the_whole_check_is_bounded(shop, monkeypatch):
    def never(tree, job):
        while True:
            pass

    monkeypatch.setattr(loading, "facts_of_file", never)
    with pytest.raises(errors.CommandError, match="more than 1 seconds"):
        CliRunner().invoke(
            main.cli, ["check", str(shop), "--time-limit", "1"], standalone_mode=False, catch_exceptions=False
        )
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL


@pytest.mark.parametrize(("outer", "inner"), [(0.1, 10), (10, 0.1)])
def test_the_limit_that_ends_first_counts_as_itself(outer, inner):
    with (
        pytest.raises(time_limit.TookTooLong, match=r"0\.1 seconds"),
        time_limit.time_limit(outer),
        time_limit.time_limit(inner),
    ):
        time.sleep(5)
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="another operating system")
def test_the_limits_of_a_process_do_not_end_its_child():
    with time_limit.time_limit(0.2):
        child = os.fork()
        if not child:
            try:
                with time_limit.time_limit(10):
                    time.sleep(0.5)
                os._exit(0)
            finally:
                os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="another operating system")
def test_the_memory_is_bounded():
    with pytest.raises(errors.CommandError, match="GB of memory"), bounds.bounded(60):
        bytearray(2 * bounds.MEMORY)


def test_a_mistake_of_ours_is_named_and_the_rest_is_checked(shop, monkeypatch):
    from djcelery.rules import all_rules

    def broken(project):
        raise KeyError("odd")

    rule = next(rule for rule in all_rules() if rule.code == "DJC401")
    monkeypatch.setattr(rule.module, "find", broken)
    assert rows(shop) == [(".", "DJC003"), ("shop/tasks.py", "DJC101")]


def handles(pid: int, signum: int) -> bool:
    """Return whether a process has a handler of its own for a signal."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    return bool(int(lines.get("SigCgt", "0"), 16) >> (signum - 1) & 1)


@pytest.mark.skipif(sys.platform != "linux", reason="another operating system")
@pytest.mark.parametrize("count", [1, 40])
def test_sigterm_ends_it(shop, count):
    big = "from celery import shared_task\n" + "@shared_task\ndef f(pk): ...\nf.delay(1)\n" * 30_000
    for number in range(count):
        (shop / "shop" / f"m{number}.py").write_text(big)
    command = [sys.executable, "-m", "djcelery", "check", "--no-cache", str(shop)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while not handles(process.pid, signal.SIGTERM):
        time.sleep(0.05)
    time.sleep(1)  # it reads by now
    process.terminate()
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 143, stderr


def many_tasks(count: int) -> str:
    task = """
@shared_task(bind=True)
def t{i}(self, pk):
    try:
        transaction.on_commit(lambda: t{j}.delay(pk))
        transaction.on_commit(done{i})
    except Exception as error:
        log.error(error)


def done{i}():
    t{i}.delay(1)  # noqa: DJC999


def saved{i}(sender, **kwargs):
    t{i}.delay(1)


post_save.connect(saved{i})
"""
    return "from celery import shared_task\nfrom django.db import transaction\n" + "".join(
        task.format(i=number, j=(number + 1) % count) for number in range(count)
    )


def test_the_time_grows_with_the_tasks_of_a_file_and_not_with_their_square():
    def seconds(count: int) -> float:
        text = many_tasks(count)
        began = time.process_time()
        assert len(findings_of(Project.of({"shop/tasks.py": text}))) >= 2 * count
        return time.process_time() - began

    seconds(10)  # imports the rules
    assert seconds(800) / seconds(100) < 16  # eight times the tasks; their square would be 64 times the work
