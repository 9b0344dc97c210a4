"""Test `djcelery check`: what it prints, what it leaves out, how it ends."""

from __future__ import annotations

import ast
import json
import random
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from djcelery import errors, main
from djcelery.checking.scope import find_scope
from djcelery.journal import Journal
from tests.unit import small_shop
from tests.unit.small_shop import check
from tests.unit.test_journal import run_killed

TASKS = f"""{small_shop.TASKS}    for pk in order:
        index.delay(pk)
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "tasks.py").write_text(TASKS)
    return tmp_path


def codes(result: Result) -> list[str]:
    return [row["code"] for row in json.loads(result.stdout)]


def test_a_finding_has_a_place_a_code_and_its_fix(shop):
    result = check(shop)
    assert result.exit_code == 1
    assert result.stdout == (
        "shop/tasks.py:11:9: error DJC101 index is sent inside a transaction, before the commit [*] use"
        " .delay_on_commit()\n    index.delay(order.pk)\n"
        "  = docs/rules.md#djc101-dispatch-in-atomic (djcelery check --explain DJC101)\n"
    )
    assert "1 error in 1 Python file. 1 can be fixed with --fix. 1 hint hidden" in result.stderr
    assert "Understood: 1 task, no Celery app recognised, 0 settings, 2 dispatch sites, 1 file imports celery." in (
        result.stderr
    )


def test_a_clean_folder_ends_with_0(tmp_path):
    result = check(tmp_path)
    assert (result.exit_code, result.stdout) == (0, "")


def test_hints_are_shown_when_asked_for(shop):
    assert codes(check(shop, "--format", "json", "--severity", "hint")) == ["DJC101", "DJC114"]
    assert codes(check(shop, "--format", "json", "--select", "dispatch-in-loop")) == ["DJC114"]


def test_rules_can_be_left_out(shop):
    assert check(shop, "--ignore", "DJC1").exit_code == 0
    assert check(shop, "--exclude", "shop").exit_code == 0


@pytest.mark.parametrize(
    "words", [["--select", "DJC999"], ["--ignore", "no-such-rule"], ["nowhere"], ["--explain", "DJC999"]]
)
def test_what_does_not_exist_is_wrong_usage(shop, words):
    with pytest.raises(errors.UsageError):
        CliRunner().invoke(main.cli, ["check", *words], standalone_mode=False, catch_exceptions=False)


def test_the_configuration_counts(shop):
    (shop / "pyproject.toml").write_text('[tool.djcelery]\nignore = ["DJC101"]\nseverity = "hint"\n')
    assert codes(check(shop, "--format", "json")) == ["DJC114"]
    (shop / "pyproject.toml").write_text('[tool.djcelery.per-file-ignores]\n"shop/*" = ["DJC1"]\n')
    assert check(shop).exit_code == 0


@pytest.mark.parametrize(
    "text",
    [
        "[tool.djcelery]\nselct = []",
        "[tool.djcelery]\nselect = 3",
        "[tool.djcelery\n",
        "[tool.djcelery]\nseverity = 'info'",
        "[tool.djcelery]\nper-file-ignores = 3",
        "[tool.djcelery.per-file-ignores]\n'shop/*' = ['DJC999']",
    ],
)
def test_a_wrong_configuration_is_wrong_usage(shop, text):
    (shop / "pyproject.toml").write_text(text)
    with pytest.raises(errors.UsageError):
        CliRunner().invoke(main.cli, ["check", str(shop)], standalone_mode=False, catch_exceptions=False)


def test_a_comment_silences_its_line_and_an_idle_one_is_told(shop):
    text = TASKS.replace("        index.delay(order.pk)", "        index.delay(order.pk)  # noqa: DJC101")
    (shop / "shop" / "tasks.py").write_text(text.replace("def place(order):", "def place(order):  # noqa: DJC102"))
    assert codes(check(shop, "--format", "json")) == ["DJC002"]


@pytest.mark.parametrize(
    ("comment", "left"),
    [
        ("  # noqa: DJC102", ""),
        ("  # noqa: E501, DJC102", "  # noqa: E501"),
        ("  # noqa: DJC102, DJC103", ""),
        ("  # noqa: DJC102 - it waits", "  # it waits"),
        ("  # words # noqa: DJC102", "  # words"),
    ],
)
def test_an_idle_comment_can_be_fixed_away(shop, comment, left):
    path = shop / "shop" / "tasks.py"
    text = TASKS.replace("        index.delay(order.pk)", "        print(order)")
    path.write_bytes(text.replace("def place(order):", f"def place(order):{comment}").encode())
    assert check(shop, "--fix").exit_code == 0
    assert path.read_text() == text.replace("def place(order):", f"def place(order):{left}")


def test_columns_count_characters_and_fixes_count_bytes(shop):
    path = shop / "shop" / "tasks.py"
    line = '        x = "é\U0001f600"; index.delay(order.pk)'
    path.write_text(TASKS.replace("        index.delay(order.pk)", line), encoding="utf-8")
    (row,) = json.loads(check(shop, "--format", "json").stdout)
    assert row["col"] == line.index("index") + 1
    assert row["end_col"] == len(line) + 1
    assert check(shop, "--fix").exit_code == 0
    assert path.read_text(encoding="utf-8").split("\n")[10] == line.replace(".delay(", ".delay_on_commit(")


def test_a_baseline_knows_old_findings(shop):
    known = shop / "known.json"
    assert check(shop, "--write-baseline", known).exit_code == 0
    assert check(shop, "--baseline", known).exit_code == 0
    (shop / "shop" / "more.py").write_text(TASKS.replace("index", "other"))
    assert check(shop, "--baseline", known).exit_code == 1


def test_only_the_files_that_are_named_are_reported(shop):
    (shop / "pyproject.toml").write_text("")
    (shop / "shop" / "more.py").write_text("")
    assert check(shop / "shop" / "more.py").exit_code == 0
    assert check(shop / "shop" / "tasks.py", shop / "shop" / "more.py").exit_code == 1


def test_fixes_are_shown_then_applied_and_nothing_is_left_to_fix(shop):
    path = shop / "shop" / "tasks.py"
    shown = check(shop, "--diff")
    assert "+        index.delay_on_commit(order.pk)" in shown.stdout
    assert path.read_text() == TASKS
    assert check(shop, "--fix").exit_code == 0
    assert path.read_text() == TASKS.replace("index.delay(order.pk)", "index.delay_on_commit(order.pk)")
    assert check(shop, "--diff").stdout == ""


def test_a_kill_while_fixing_several_files_leaves_all_or_nothing(shop):
    for name in ("more", "still"):
        (shop / "shop" / f"{name}.py").write_text(TASKS)

    def contents():
        return {path.name: path.read_bytes() for path in (shop / "shop").glob("*.py")}

    before = contents()
    points = run_killed(lambda: check(shop, "--fix"), None)
    after = contents()
    assert all(b"delay_on_commit" in data for data in after.values())
    outcomes = set()
    for at in random.Random(3).sample(range(1, points + 1), 40):  # noqa: S311 not for secrets
        for name, data in before.items():
            (shop / "shop" / name).write_bytes(data)
        run_killed(lambda: check(shop, "--fix"), at)
        Journal(shop).recover()
        outcomes.add("all" if contents() == after else "nothing" if contents() == before else f"half at {at}")
    assert outcomes == {"all", "nothing"}
    assert check(shop, "--fix").exit_code == 0
    assert contents() == after


def test_unsafe_fixes_are_applied_only_when_asked_for(tmp_path):
    path = tmp_path / "tasks.py"
    path.write_text("from celery.schedules import crontab\n\nAT = crontab(day_of_week=1)\n")
    before, after = (
        path.read_bytes(),
        b"from celery.schedules import crontab\n\nAT = crontab(minute=0, day_of_week=1)\n",
    )
    result = check(tmp_path, "--fix")
    assert (result.exit_code, path.read_bytes()) == (1, before)
    assert "1 error in 1 Python file. 1 can be fixed with --fix --unsafe-fixes." in result.stderr
    assert check(tmp_path, "--diff").stdout == ""
    shown = check(tmp_path, "--diff", "--unsafe-fixes")
    assert (shown.exit_code, path.read_bytes()) == (1, before)
    assert "+AT = crontab(minute=0, day_of_week=1)" in shown.stdout
    assert check(tmp_path, "--fix", "--unsafe-fixes").exit_code == 0
    assert path.read_bytes() == after


def test_a_suggestion_without_edits_is_never_counted_as_a_fix(shop):
    (shop / "shop" / "tasks.py").write_text(
        TASKS.replace("index.delay(order.pk)", "r = index.delay(order.pk)\n        return r")
    )
    result = check(shop, "--fix", "--unsafe-fixes")
    assert "(suggestion: use .delay_on_commit())" in result.stdout
    assert "can be fixed" not in result.stderr


def test_formats(shop):
    sarif = json.loads(check(shop, "--format", "sarif").stdout)
    assert sarif["runs"][0]["results"][0]["ruleId"] == "DJC101"
    assert sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] == 11
    gitlab = json.loads(check(shop, "--format", "gitlab").stdout)
    assert gitlab[0]["location"] == {"path": "shop/tasks.py", "lines": {"begin": 11}}
    assert check(shop, "--format", "github").stdout.startswith(
        "::error file=shop/tasks.py,line=11,col=9,title=DJC101::"
    )


def test_every_format_says_where_the_manual_of_the_rule_is(shop):
    address = "docs/rules.md#djc101-dispatch-in-atomic (djcelery check --explain DJC101)"
    [finding] = json.loads(check(shop, "--format", "json").stdout)
    assert finding["manual"] == address
    sarif = json.loads(check(shop, "--format", "sarif").stdout)
    assert address in sarif["runs"][0]["tool"]["driver"]["rules"][0]["help"]["text"]
    assert address in json.loads(check(shop, "--format", "gitlab").stdout)[0]["content"]["body"]
    assert check(shop, "--format", "github").stdout.rstrip().endswith(f"%0ASee {address}")


def test_add_noqa_silences_what_is_there(shop):
    path = shop / "shop" / "tasks.py"
    silenced = check(shop, "--add-noqa")
    assert silenced.exit_code == 0
    assert "Silenced 1 finding in shop/tasks.py." in silenced.stderr
    assert path.read_text() == TASKS.replace("index.delay(order.pk)", "index.delay(order.pk)  # noqa: DJC101")
    assert check(shop).exit_code == 0

    again = check(shop, "--add-noqa")
    assert "Silenced 0 findings." in again.stderr
    assert path.read_text().count("noqa") == 1


def test_add_noqa_extends_the_comment_of_a_line(shop):
    path = shop / "shop" / "tasks.py"
    path.write_text(TASKS.replace("index.delay(order.pk)", "index.delay(order.pk)  # noqa: E501"))
    check(shop, "--add-noqa")
    assert "# noqa: E501, DJC101" in path.read_text()
    assert check(shop).exit_code == 0


@pytest.mark.parametrize("call", ["index.delay(order.pk) \\\n            or 1", 'index.delay("""\n""")'])
def test_add_noqa_leaves_code_as_it_is(shop, call):
    path = shop / "shop" / "tasks.py"
    path.write_text(TASKS.replace("index.delay(order.pk)", call))
    before = ast.dump(ast.parse(path.read_text()))
    check(shop, "--add-noqa")
    assert ast.dump(ast.parse(path.read_text())) == before


def test_statistics_files_and_manuals(shop):
    assert check(shop, "--statistics").stdout == "    1  DJC101  dispatch-in-atomic (error)\n"
    assert check(shop, "--show-files").stdout == "shop/tasks.py\n"
    assert check("--explain", "dispatch-in-atomic").stdout.startswith("DJC101 dispatch-in-atomic (error)\n")
    assert "--introspect" not in check("--explain", "DJC101").stdout
    assert "--introspect" in check("--explain", "DJC601").stdout


def test_what_cannot_be_read_is_named_and_the_rest_is_checked(shop):
    (shop / "old.py").write_text("from celery import shared_task\nprint 'x'\n")
    (shop / "null.py").write_bytes(b"celery\0")
    (shop / "latin.py").write_bytes(b"# celery \xe9\n")
    (shop / "big.py").write_text("# celery\n" + "x = 1\n" * 1_000_000)
    (shop / "loop").symlink_to(shop)
    (shop / "gone.py").symlink_to(shop / "nowhere.py")
    result = check(shop, "--format", "json")
    rows = json.loads(result.stdout)
    assert {row["path"] for row in rows if row["code"] == "DJC001"} == {
        "old.py",
        "null.py",
        "latin.py",
        "big.py",
        "gone.py",
    }
    assert [row["path"] for row in rows if row["code"] == "DJC101"] == ["shop/tasks.py"]


def test_the_running_app_is_asked(shop):
    (shop / "shop" / "__init__.py").write_text("from shop.celery import app\n")
    (shop / "shop" / "celery.py").write_text(
        'import os\nfrom celery import Celery\n\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\n'
        'app = Celery("shop")\napp.config_from_object("django.conf:settings", namespace="CELERY")\n'
        "app.autodiscover_tasks()\n"
    )
    (shop / "shop" / "settings.py").write_text(
        'INSTALLED_APPS = ["shop"]\nSECRET_KEY = "x"\nCELERY_TASK_TIME_LIMIT = 5\n'
        'CELERY_BEAT_SCHEDULE = {"a": {"task": "made.by.hand", "schedule": 5}}\n'
        'CELERY_ACCEPT_CONTENT = ["pickle"]\n'
        'for name in "TASK_SOFT_TIME_LIMIT", "TASK_TIMELIMIT", "D_CONCURRENCY":\n'
        '    globals()["CELERY" + name if name[:2] == "D_" else "CELERY_" + name] = 60\n'
        'globals()["WORKER" + "_CONCURRENCY"] = 3\n'
        'globals()["CELERY_BEAT_SCHEDULE"]["b"] = {"task": "shop.tasks.index", "schedule": 5, "args": (1, 2)}\n'
    )
    wished = ("--format", "json", "--select", "DJC503,DJC6,DJC7", "--severity", "warning")
    assert codes(check(shop, *wished)) == ["DJC706"]
    rows = json.loads(check(shop, *wished, "--introspect").stdout)
    told = {row["code"]: (row["path"], row["severity"]) for row in rows}
    assert told == {
        "DJC503": ("shop/celery.py", "error"),  # only the app has it, so it is said of the app
        "DJC601": ("shop/settings.py", "error"),
        "DJC606": ("shop/settings.py", "error"),
        "DJC701": ("shop/celery.py", "warning"),
        "DJC702": ("shop/celery.py", "warning"),
        "DJC706": ("shop/settings.py", "error"),  # both see it
    }  # and no DJC703: Celery 5.7 reads CELERYD_CONCURRENCY


def test_a_project_that_does_not_start_is_said_in_words(shop):
    (shop / "shop" / "celery.py").write_text(
        'import os\nfrom celery import Celery\napp = Celery("shop")\n'
        'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\n'
    )
    (shop / "shop" / "settings.py").write_text('INSTALLED_APPS = []\nraise OSError("no")\n')
    with pytest.raises(errors.CommandError, match="does not start: OSError: no"):
        CliRunner().invoke(
            main.cli, ["check", str(shop), "--introspect"], standalone_mode=False, catch_exceptions=False
        )


# -- the project and its paths


@pytest.fixture
def monorepo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository with a project in apps/api, whose configuration is there, too."""
    api = tmp_path / "apps" / "api"
    (tmp_path / ".git").mkdir()
    (api / "src" / "shop").mkdir(parents=True)
    (api / "src" / "shop" / "tasks.py").write_text(TASKS)
    (api / "other.py").write_text(TASKS)
    (tmp_path / "tasks.py").write_text(TASKS)
    (api / "pyproject.toml").write_text('[tool.djcelery]\nseverity = "hint"\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def paths(result: Result) -> list[str]:
    return sorted({row["path"] for row in json.loads(result.stdout)})


def test_a_folder_belongs_to_the_project_above_it(monorepo):
    result = check("apps/api/src", "--format", "json")
    assert paths(result) == ["apps/api/src/shop/tasks.py"]
    assert codes(result) == ["DJC101", "DJC114"]  # the configuration of apps/api counts
    assert paths(check("--format", "json")) == ["apps/api/other.py", "apps/api/src/shop/tasks.py", "tasks.py"]


@pytest.mark.parametrize(
    ("marker", "text"), [("manage.py", ""), ("pyproject.toml", "[tool.djcelery.per-file-ignores]\n")]
)
def test_what_marks_a_project(monorepo, marker, text):
    (monorepo / "apps" / "api" / "pyproject.toml").unlink()
    (monorepo / "apps" / "api" / marker).write_text(text)
    assert find_scope(("apps/api/src",)) == (str(monorepo / "apps" / "api"), ("src",))
    (monorepo / "apps" / "api" / marker).unlink()
    (monorepo / "apps" / "api" / "pyproject.toml").write_text("[tool.other]\n")
    assert find_scope(("apps/api/src",)) == (str(monorepo), ("apps/api/src",))
    assert find_scope((str(monorepo),)) == (str(monorepo), ())


def test_paths_are_those_from_where_one_stands(monorepo, monkeypatch):
    assert check("apps/api", "--format", "github").stdout.startswith("::error file=apps/api/other.py,")
    assert check("apps/api/src").stdout.startswith("apps/api/src/shop/tasks.py:11:9: ")
    assert check("apps/api", "--show-files").stdout == "apps/api/other.py\napps/api/src/shop/tasks.py\n"
    monkeypatch.chdir(monorepo / "apps" / "api" / "src")
    assert check("--format", "github").stdout.startswith("::error file=shop/tasks.py,")
    assert check("..", "--format", "github").stdout.startswith("::error file=../other.py,")
    assert "Fixed shop/tasks.py." in check("--fix").stderr
    assert (monorepo / "tasks.py").read_text() == TASKS
    assert (monorepo / "apps" / "api" / "other.py").read_text() == TASKS


# -- what a maintainer reads


def test_errors_come_first_and_repeats_are_folded(shop):
    loops = "".join(f"def f{number}(rows):\n    for row in rows:\n        index.delay(row)\n" for number in range(6))
    (shop / "shop" / "a.py").write_text(f"from shop.tasks import index\n{loops}")
    (shop / "shop" / "b.py").write_text(TASKS)
    lines = check(shop, "--severity", "hint").stdout.splitlines()
    assert [line.split()[1] for line in lines if ": " in line and line.startswith("shop/")] == ["error"] * 2 + [
        "hint"
    ] * 3
    assert "  ... and 5 more like it: --all shows them" in lines
    everything = check(shop, "--severity", "hint", "--all").stdout
    assert everything.count(" hint DJC114 ") == 8
    assert "more like it" not in everything
    assert len(check(shop, "--severity", "hint", "--format", "concise").stdout.splitlines()) == 10


def test_nothing_understood_is_said_and_not_nothing_found(tmp_path):
    for number in range(12):
        (tmp_path / f"m{number}.py").write_text("import celery\nx = celery.foo\n")
    stderr = check(tmp_path).stderr
    assert "Nothing found" not in stderr
    assert "Understood: 0 tasks, no Celery app recognised, 12 files import celery." in stderr
    assert check(tmp_path).stderr == stderr  # from the cache


@pytest.mark.parametrize("comment", ["# noqa: djc101", "# NOQA: Djc101", "# noqa: e501, djc101"])
def test_a_comment_in_lower_case_silences_too(shop, comment):
    text = TASKS.replace("        index.delay(order.pk)", f"        index.delay(order.pk)  {comment}")
    (shop / "shop" / "tasks.py").write_text(text)
    result = check(shop, "--format", "json")
    assert (result.exit_code, codes(result)) == (0, [])


@pytest.mark.parametrize("code", ["DJC001", "DJC002", "DJC003", "unused-noqa", "djc101"])
def test_every_code_is_explained_and_listed(code):
    assert check("--explain", code).exit_code == 0
    assert code.lower() in check("--list-rules").stdout.lower()


def test_statistics_in_json_are_json(shop):
    assert json.loads(check(shop, "--statistics", "--format", "json").stdout) == [
        {"count": 1, "code": "DJC101", "name": "dispatch-in-atomic", "severity": "error"}
    ]


def test_a_file_of_another_kind_is_not_said_to_be_clean(shop):
    (shop / "notes.txt").write_text("")
    with pytest.raises(errors.UsageError, match="not a kind of file"):
        CliRunner().invoke(main.cli, ["check", str(shop / "notes.txt")], standalone_mode=False, catch_exceptions=False)
    result = check(shop / "notes.txt", shop / "shop" / "tasks.py")
    assert result.exit_code == 1
    assert "Not checked" in result.stderr


def test_the_exit_code_the_output_the_configuration_and_the_cache_can_be_set(shop, tmp_path):
    assert check(shop, "--exit-zero").exit_code == 0
    report = tmp_path / "report.json"
    result = check(shop, "--format", "json", "--output-file", report)
    assert (result.exit_code, result.stdout) == (1, "")
    assert [row["code"] for row in json.loads(report.read_text())] == ["DJC101"]
    other = tmp_path / "other.toml"
    other.write_text('[tool.djcelery]\nignore = ["DJC101"]\n')
    assert check(shop, "--config", other).exit_code == 0
    assert check(shop, "--cache-dir", tmp_path / "cache").exit_code == 1
    assert [path.name for path in (tmp_path / "cache").glob("*/findings")] == ["findings"]
    with pytest.raises(errors.UsageError, match="does not exist"):
        CliRunner().invoke(
            main.cli, ["check", str(shop), "--config", "gone.toml"], standalone_mode=False, catch_exceptions=False
        )
