"""Test `djcelery new`, in this process, against a small template."""

from __future__ import annotations

import json
import os
import shlex
import stat
import tempfile
import tomllib

import pytest

from djcelery import __version__, creation, template
from djcelery.commands import new

DEFAULTS = {
    "project_slug": "shop",
    "broker": "redis",
    "results": "none",
    "schedule": "settings",
    "sentry": True,
    "ci": "github",
    "kubernetes": False,
    "example": True,
    "vendor": True,
    "description": "A Django project with reliable background jobs",
    "author": "Jane Doe",
    "email": "jane@example.org",
}


def tree(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if ".git/" not in f"{path}/")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def record(folder):
    return tomllib.loads((folder / ".djcelery.toml").read_text(encoding="utf-8"))


def test_it_makes_a_project_and_says_what_next(cli, tmp_path):
    said = cli("new", "shop", "--yes", "--no-git")
    assert said.code == 0, said.err
    answers = "--broker redis --results none --schedule settings --sentry --ci github --no-kubernetes --example"
    assert f"Using defaults: {answers} --description " in said.err
    assert said.err.endswith(" --vendor\n")
    lines = said.out.splitlines()
    assert lines[0].startswith("Created shop with ")
    assert "  cd shop" in lines
    assert "  .venv/bin/python manage.py dev    # then open http://localhost:8000/" in lines
    assert lines[-1].strip().startswith("djcelery new shop ")
    assert names(tmp_path) == ["shop"]


def test_rabbitmq_says_what_to_start_first(cli):
    said = cli("new", "shop", "--broker", "rabbitmq", "--no-git")
    assert "start a RabbitMQ server first (AMQP_URL, default amqp://guest:guest@localhost:5672//)" in said.out


def test_the_record_holds_version_answers_and_hashes(cli, tmp_path):
    cli("new", "shop", "--yes", "--no-git")
    found = record(tmp_path / "shop")
    assert found["version"] == __version__
    assert found["answers"] == DEFAULTS
    made = {name for name in tree(tmp_path / "shop") if (tmp_path / "shop" / name).is_file()}
    assert set(found["files"]) == made - {".env", ".djcelery.toml"}
    assert list(found["files"]) == sorted(found["files"])


def test_json_is_one_object_and_nothing_else(cli, tmp_path):
    said = cli("new", "shop", "--json", "--no-git", "--no-sentry")
    assert (said.code, said.err) == (0, "")
    result = json.loads(said.out)
    assert result["success"] is True
    assert result["path"] == str(tmp_path / "shop")
    assert result["answers"] == DEFAULTS | {"sentry": False}
    assert ".env" in result["files"]
    assert result["files"] == [name for name in tree(tmp_path / "shop") if (tmp_path / "shop" / name).is_file()]
    assert result["next_steps"][0]["run"] == "cd shop"
    assert set(result) == {
        "success", "dry_run", "path", "answers", "files", "installed", "next_steps", "repeat", "notes"
    }  # fmt: skip


def test_a_dry_run_lists_what_a_run_writes_and_writes_nothing(cli, tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(temporary))
    dry = json.loads(cli("new", "shop", "--json", "--dry-run").out)
    assert not (tmp_path / "shop").exists()
    assert names(temporary) == []
    wet = json.loads(cli("new", "shop", "--json").out)
    assert dry["files"] == wet["files"]
    assert (dry["dry_run"], wet["dry_run"]) == (True, False)
    assert "shop2/manage.py" in cli("new", "shop2", "--dry-run").out.splitlines()


def test_parents_are_made_and_the_name_is_the_last_part(cli, tmp_path):
    assert cli("new", "work/of/shop", "--yes", "--no-git").code == 0
    assert record(tmp_path / "work/of/shop")["answers"]["project_slug"] == "shop"


def test_the_path_may_hold_a_tag_of_the_template(cli, tmp_path):
    assert cli("new", "{{ cookiecutter.x }}/shop", "--no-git").code == 0
    assert (tmp_path / "{{ cookiecutter.x }}/shop/manage.py").is_file()


def test_output_dir(cli, tmp_path):
    assert cli("new", "shop", "--output-dir", "there", "--no-git").code == 0
    assert (tmp_path / "there/shop/manage.py").exists()
    said = cli("new", str(tmp_path / "other"), "--output-dir", "there")
    assert said.code == 2
    assert "absolute path" in said.err


def test_without_a_name_it_says_the_whole_command(cli, tmp_path):
    said = cli("new", "--broker", "rabbitmq", "--author", "Jane O'Hara")
    assert said.code == 2
    command = said.err.splitlines()[1].removeprefix("Hint: Run: ")
    assert shlex.split(command) == ["djcelery", "new", "myproject", "--broker", "rabbitmq", "--author", "Jane O'Hara"]
    assert cli(*shlex.split(command)[1:], "--no-git").code == 0


def test_the_answers_file_of_a_project_makes_it_again(cli, tmp_path):
    cli("new", "one/shop", "--broker", "rabbitmq", "--author", "Zoë O'Brien", "--no-git")
    assert cli("new", "--answers", "one/shop/.djcelery.toml", "--output-dir", "two", "--no-git").code == 0
    for name in tree(tmp_path / "one/shop"):
        first, second = tmp_path / "one/shop" / name, tmp_path / "two/shop" / name
        assert first.is_dir() or name == ".env" or first.read_bytes() == second.read_bytes()


def test_the_repeat_command_makes_it_again(cli, tmp_path):
    made = cli("new", "one/shop", "--description", "It's a 'shop'", "--author", "", "--ci", "none", "--no-git")
    words = shlex.split(made.out.splitlines()[-1])
    assert words[0] == "djcelery"
    assert cli(*words[1:], "--output-dir", "two", "--no-git").code == 0
    assert record(tmp_path / "one/shop") == record(tmp_path / "two/shop")
    assert made.out.splitlines()[-1].strip() in (tmp_path / "one/shop/README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("vendor", ["--vendor", "--no-vendor"])
def test_a_released_version_is_named_by_the_command_that_repeats_it(cli, tmp_path, released, vendor):
    made = cli("new", "one/shop", vendor, "--no-git")
    words = shlex.split(made.out.splitlines()[-1])
    assert words[:2] == ["uvx", "djcelery@1.2.3"]
    assert ("--vendor" in words) is (vendor == "--vendor")
    more = [] if vendor in words else [vendor]  # the default was read when this process began
    assert cli(*words[2:], *more, "--output-dir", "two", "--no-git").code == 0
    assert record(tmp_path / "one/shop") == record(tmp_path / "two/shop")


def test_an_unreleased_library_cannot_be_depended_on(cli, tmp_path):
    said = cli("new", "shop", "--no-vendor")
    assert (said.code, names(tmp_path)) == (1, [])
    assert f"djcelery-jobs {__version__} has not been released" in said.err
    assert "Hint: Pass --vendor instead." in said.err


def test_the_library_comes_along_only_if_it_is_vendored(cli, tmp_path, released, small_template):
    (small_template / "djcelery_jobs").mkdir()
    (small_template / "djcelery_jobs/tasks.py").write_bytes(b"# {{ untouched }}\n")
    for flag in ("--vendor", "--no-vendor"):
        assert cli("new", f"shop{flag.count('n')}", flag, "--no-git").code == 0
    assert (tmp_path / "shop1/djcelery_jobs/tasks.py").read_bytes() == b"# {{ untouched }}\n"
    assert not (tmp_path / "shop2/djcelery_jobs").exists()
    assert [record(tmp_path / name)["answers"]["vendor"] for name in ("shop1", "shop2")] == [True, False]


def test_a_default_description_is_not_repeated(cli):
    assert "--description" not in cli("new", "shop", "--yes", "--no-git").out


def test_flags_win_over_the_answers_file(cli, tmp_path):
    (tmp_path / "answers.toml").write_text('broker = "rabbitmq"\nci = "none"\n')
    cli("new", "shop", "--answers", "answers.toml", "--ci", "gitlab", "--no-git")
    answers = record(tmp_path / "shop")["answers"]
    assert (answers["broker"], answers["ci"]) == ("rabbitmq", "gitlab")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("broker = ", "is not valid TOML"),
        ("\x00", "is not valid TOML"),
        ('brokr = "redis"', "Did you mean broker?"),
        ('[answers]\nbroker = "rediss"', "Did you mean redis?"),
        ("broker = 3", "must be a string, got 3"),
        ('sentry = "yes"', 'must be true or false, got "yes"'),
        ("answers = 3", "must be a table"),
        ('author = "a\\u0007b"', "invisible character"),
        ('project_slug = "my-shop"', "Try my_shop."),
    ],
)
def test_a_bad_answers_file_is_refused(cli, tmp_path, text, words):
    (tmp_path / "answers.toml").write_text(text)
    said = cli("new", *([] if "slug" in text else ["shop"]), "--answers", "answers.toml")
    assert said.code == 1
    assert words in said.err
    assert names(tmp_path) == ["answers.toml"]


def test_an_answers_file_that_is_not_there_or_not_text_is_refused(cli, tmp_path):
    assert "Could not read the answers file none.toml" in cli("new", "shop", "--answers", "none.toml").err
    assert "Could not read" in cli("new", "shop", "--answers", str(tmp_path)).err
    (tmp_path / "latin.toml").write_bytes(b'author = "Zo\xeb"')
    assert "is not valid TOML" in cli("new", "shop", "--answers", "latin.toml").err


@pytest.mark.parametrize("key", [key for key, question in new.QUESTIONS.items() if question.choices])
def test_a_wrong_value_gets_did_you_mean(cli, key):
    choice = new.QUESTIONS[key].choices[0]
    said = cli("new", "shop", f"--{key}", f"{choice}x")
    assert said.code == 2
    assert f"Did you mean {choice}?" in said.err


@pytest.mark.parametrize(
    ("words", "sentence", "hint"),
    [
        (["my-shop"], "is not a valid name for a Python package", "my_shop"),
        (["class"], "keyword", "my_class"),
        (["email"], "standard library", "my_email"),
        (["django"], "package that the project installs", "my_django"),
        (["orders"], "uses itself", "my_orders"),
        (["a" * 41], "longer than 40", "a" * 40),
        (["con"], "device name on Windows", "my_con"),
        (["shop", "--author", 'A "quoted" name'], "author contains a character", "Remove"),
        (["shop", "--description", "two\nlines"], "invisible", "one line"),
        (["shop", "--email", "jane"], "Invalid email address", "jane@example.org"),
        (["shop", "--author", "a" * 101], "longer than 100", "Shorten"),
    ],
)
def test_refused_before_anything_is_written(cli, tmp_path, words, sentence, hint):
    said = cli("new", *words)
    assert (said.code, said.out) == (1, "")
    assert sentence in said.err.splitlines()[0]
    assert hint in said.err.splitlines()[1]
    assert names(tmp_path) == []


def test_a_folder_that_is_not_empty_is_refused_with_what_is_in_the_way(cli, tmp_path):
    (tmp_path / "shop").mkdir()
    for name in "abcdefg":
        (tmp_path / "shop" / name).touch()
    said = cli("new", "shop")
    assert said.code == 1
    assert "It contains a, b, c, d, e, ..." in said.err
    assert len(names(tmp_path / "shop")) == 7


def test_an_empty_folder_is_taken_through_a_link_too(cli, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "shop").symlink_to("elsewhere")
    assert cli("new", "shop", "--yes", "--no-git").code == 0
    assert (tmp_path / "shop").is_symlink()
    assert (tmp_path / "elsewhere/manage.py").exists()


def test_an_empty_current_folder_is_filled_and_stays_the_same_folder(cli, tmp_path, monkeypatch):
    folder = tmp_path / "shop"
    folder.mkdir()
    inode = folder.stat().st_ino
    monkeypatch.chdir(folder)
    said = cli("new", ".", "--yes", "--no-git")
    assert said.code == 0, said.err
    assert "Created the project here" in said.out
    assert "cd ." not in said.out
    assert folder.stat().st_ino == inode
    assert (folder / "manage.py").exists()
    assert not list(folder.glob(".djcelery-*"))


def test_a_current_folder_with_files_is_refused(cli, tmp_path, monkeypatch):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/notes.txt").touch()
    monkeypatch.chdir(tmp_path / "shop")
    said = cli("new", ".")
    assert (said.code, "is not empty. It contains notes.txt" in said.err) == (1, True)


@pytest.mark.parametrize(("words", "command"), [((".",), "djcelery init\n"), (("../shop",), "djcelery init\n")])
def test_a_django_project_is_sent_to_init(cli, tmp_path, monkeypatch, words, command):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/manage.py").touch()
    monkeypatch.chdir(tmp_path / "shop")
    said = cli("new", *words)
    assert said.code == 1
    assert f"Run: {command}" in said.err


@pytest.mark.parametrize("kind", ["file", "dangling link", "below a file"])
def test_what_is_no_folder_is_refused(cli, tmp_path, kind):
    if kind == "dangling link":
        (tmp_path / "shop").symlink_to("nowhere")
    else:
        (tmp_path / "shop").touch()
    said = cli("new", "shop/shop" if kind == "below a file" else "shop")
    assert said.code == 1
    assert "is not a folder" in said.err


def test_a_folder_without_write_permission_is_refused(cli, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    said = cli("new", "shop")
    assert said.code == 1
    assert f"not have permission to write to {tmp_path}" in said.err


def test_the_local_env_has_a_key_of_its_own_and_is_private(cli, tmp_path):
    cli("new", "one", "--yes", "--no-git")
    cli("new", "two", "--yes", "--no-git")
    texts = [(tmp_path / name / ".env").read_text() for name in ("one", "two")]
    assert texts[0] != texts[1]
    assert all(len(text.splitlines()[0]) > len("DJANGO_SECRET_KEY=") + 40 for text in texts)
    assert all(text.splitlines()[1] == "DEBUG=on" for text in texts)
    assert stat.S_IMODE((tmp_path / "one/.env").stat().st_mode) == 0o600


def test_a_template_installed_read_only_gives_files_one_can_change(cli, tmp_path, small_template):
    for path in small_template.rglob("*"):
        if path.is_file():
            path.chmod(0o555 if path.name == "manage.py" else 0o444)
    cli("new", "shop", "--yes", "--no-git")
    assert (tmp_path / "shop/README.md").stat().st_mode & 0o200
    assert (tmp_path / "shop/manage.py").stat().st_mode & 0o300 == 0o300


def test_bytecode_in_the_template_stays_there(cli, tmp_path, small_template):
    (small_template / "__pycache__").mkdir()
    (small_template / "__pycache__/manage.cpython-311.pyc").write_bytes(b"\0{{")
    assert cli("new", "shop", "--yes", "--no-git").code == 0
    assert not list((tmp_path / "shop").rglob("__pycache__"))


@pytest.mark.parametrize(
    "text", ["{{ cookiecutter.no_such_answer }}", "# {% if %}", "def {{ cookiecutter.project_slug }}(:\n"]
)
def test_a_broken_template_leaves_nothing(cli, tmp_path, small_template, text):
    (small_template / "broken.py").write_text(text)
    said = cli("new", "deep/down/shop", "--yes")
    assert (said.code, said.out) == (1, "")
    assert said.err.count("\nError: ") == 1
    assert names(tmp_path) == []


@pytest.mark.parametrize("step", ["context_of", "render"])
def test_a_full_disk_leaves_nothing(cli, tmp_path, monkeypatch, step):
    def full(*_args):
        raise OSError(28, "No space left on device", "here")

    monkeypatch.setattr(template, step, full)
    said = cli("new", "deep/shop", "--yes")
    assert said.code == 1
    assert "The disk is full" in said.err
    assert names(tmp_path) == []


def test_a_failure_after_rendering_keeps_the_empty_folder_that_was_there(cli, tmp_path, monkeypatch):
    (tmp_path / "shop").mkdir()
    monkeypatch.setattr(creation, "write_env", lambda folder: (folder / "manage.py").mkdir())
    assert cli("new", "shop", "--yes", "--no-git").code == 1
    assert names(tmp_path) == ["shop"]
    assert names(tmp_path / "shop") == []


def test_every_question_is_an_option_with_help():
    options = {option.name: option for option in new.command.params}
    for key in new.FLAGS:
        assert options[key].help
    assert len(new.ASKED) + 1 <= 8


@pytest.mark.parametrize("key", new.ASKED)
def test_every_value_of_every_choice(cli, tmp_path, key):
    question = new.QUESTIONS[key]
    for flag, value in [(f"--{key}={each}", each) for each in question.choices] or [
        (f"--{key}", True),
        (f"--no-{key}", False),
    ]:
        name = f"shop_{value}".lower()
        assert cli("new", name, flag, "--no-git").code == 0
        assert record(tmp_path / name)["answers"][key] == value
