"""Test `manage.py dev`: what it starts, what it refuses. What it starts is not started here, but for the broker."""

import os
import re
import signal
import sys
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from djcelery_jobs.brokers.local_broker import is_local
from djcelery_jobs.management.commands import dev
from djcelery_jobs.management.tracebacks import TracebackFilter


@pytest.fixture
def started(monkeypatch):
    """Yield the processes that would have been started. `started.code` is what the first of them returns."""
    commands: dict[str, list[str]] = {}

    @contextmanager
    def broker(url, folder):
        yield "Using a broker."

    monkeypatch.setattr(dev, "local_broker", broker)

    def run(processes, last_lines):
        commands.update(processes)
        commands["last lines"] = last_lines
        return 130

    monkeypatch.setattr(dev, "run", run)
    return commands


@pytest.fixture
def handlers():
    """Put the handlers of signals back that running processes has set."""
    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in previous.items():
        signal.signal(number, handler)


def test_starts_web_beat_and_a_worker_for_each_class(db, started, capsys):
    call_command("dev", "--port", "8123")

    assert set(started) == {"web", "beat", *(f"worker-{name}" for name in settings.WORKLOADS), "last lines"}
    assert started["web"][-2:] == ["runserver", "8123"]
    assert "watchfiles" in started["worker-fast"]


def test_the_last_lines_say_what_to_open_and_how_to_log_in(db, started):
    call_command("dev", "--port", "8123")

    assert started["last lines"] == [
        "Open http://localhost:8123/. Ctrl-C stops everything.",
        "Admin: http://localhost:8123/admin/",
        "Jobs: http://localhost:8123/admin/djcelery_jobs/overview/",
        "To log in, create a user: python manage.py createsuperuser",
    ]


def test_the_first_start_creates_an_admin_user(transactional_db, started, settings, client):
    settings.DEBUG = True
    call_command("dev")
    [password] = re.findall(r"^Log in as admin with the password (\S+) \(a new", started["last lines"][-1])
    assert client.login(username="admin", password=password)

    call_command("dev")
    again = "Log in as admin. To set another password: python manage.py changepassword admin"
    assert started["last lines"][-1] == again


def test_no_admin_user_beside_others_or_in_production(transactional_db, started, settings, django_user_model):
    call_command("dev")
    assert not django_user_model.objects.exists()

    settings.DEBUG = True
    django_user_model.objects.create_user("ann")
    call_command("dev")
    assert django_user_model.objects.count() == 1


def test_no_reload_starts_them_plainly(db, started):
    call_command("dev", "--no-reload")

    assert started["web"][-1] == "--noreload"
    assert started["worker-fast"][-6:] == ["worker", "--verbosity", "0", "--concurrency", "1", "fast"]


def test_a_process_that_ends_by_itself_is_a_failure(db, started, monkeypatch):
    monkeypatch.setattr(dev, "run", lambda processes, last_lines: 1)
    with pytest.raises(CommandError, match="ended by itself"):
        call_command("dev")


def test_refuses_the_database_of_another_machine(db, started, monkeypatch):
    monkeypatch.setitem(settings.DATABASES["default"], "HOST", "db.example.com")
    with pytest.raises(CommandError, match=r"The database is on db\.example\.com"):
        call_command("dev")
    assert not started


def test_refuses_the_broker_of_another_machine_unless_told(db, started, settings):
    settings.CELERY_BROKER_URL = "redis://broker.example.com:6379/0"
    with pytest.raises(CommandError, match=r"The broker is on broker\.example\.com"):
        call_command("dev")

    call_command("dev", "--allow-remote")
    assert started


def test_refuses_a_cluster_of_which_one_node_is_elsewhere(db, started, settings):
    settings.CELERY_BROKER_URL = "amqp://localhost:5672//;amqp://two.example.com:5672//"
    with pytest.raises(CommandError, match=r"The broker is on two\.example\.com"):
        call_command("dev")


@pytest.mark.parametrize("host", [None, "", "localhost", "127.0.0.1", "127.1.2.3", "::1", "/var/run/postgresql"])
def test_this_machine(host):
    assert is_local(host)


@pytest.mark.parametrize("host", ["db.example.com", "10.0.0.5", "localhost.example.com", "0.0.0.0"])  # noqa: S104
def test_another_machine(host):
    assert not is_local(host)


def test_runs_the_processes_side_by_side(handlers, capfd):
    assert dev.run({"web": [sys.executable, "-c", "print('from one')"]}) == 0
    assert "from one" in capfd.readouterr().out


def test_a_line_has_no_second_time_of_day_and_nothing_is_said_twice(handlers, capfd):
    warns = 'import warnings; warnings.warn("You\'re running the worker with superuser privileges: this is")'
    dev.run({"web": [sys.executable, "-c", f"print('from one\\n\\n'); {warns}"]})

    [line, ended] = capfd.readouterr().out.splitlines()
    assert re.fullmatch(r" *web +\| from one", line)
    assert ended.endswith("web stopped (rc=0)")


LEVELS = """
print("2026-11-28 19:32:29.709334 [info     ] served [django.server]")
print("2026-11-28 19:32:29.709334 [warning  ] an [error] is near [shop]")
print("[2026-11-28 19:32:29,709: ERROR/MainProcess] gone")
print("error: of no logger")
"""
PLAIN_LINES = [line.partition('"')[2].removesuffix('")') for line in LEVELS.strip().splitlines()]
COLOURED_LINES = [
    "2026-11-28 19:32:29.709334 [\x1b[32minfo\x1b[0m     ] served [django.server]",
    "2026-11-28 19:32:29.709334 [\x1b[33mwarning\x1b[0m  ] an [error] is near [shop]",
    "[2026-11-28 19:32:29,709: \x1b[31mERROR\x1b[0m/MainProcess] gone",
    "error: of no logger",
]


@pytest.fixture
def run_on_terminal(handlers, monkeypatch):
    """Return a function that runs the process with a terminal as stdout, and returns what is written there."""
    pty = pytest.importorskip("pty", reason="another operating system: no pseudo-terminals")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")

    def run():
        ours, theirs = pty.openpty()
        os.set_blocking(ours, False)
        # Here and not above: pytest puts a stdout of its own in place between the fixtures and the test.
        with os.fdopen(theirs, "w") as stdout, monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", stdout)
            dev.run({"web": [sys.executable, "-c", LEVELS]})
            text = os.read(ours, 65536).decode()
        os.close(ours)
        return text

    return run


def lines_of(text):
    """Return the lines of the process, without its name and the marks that colour it."""
    return [line.partition("| ")[2].removeprefix("\x1b[0m") for line in text.splitlines()][: len(PLAIN_LINES)]


def test_on_a_terminal_levels_are_coloured(run_on_terminal):
    text = run_on_terminal()
    assert lines_of(text) == COLOURED_LINES
    names = [line.partition("| ")[0] for line in text.splitlines()[: len(PLAIN_LINES)]]
    assert all(name.startswith("\x1b[0m\x1b[") for name in names)


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_whoever_wants_no_colours_gets_none_on_a_terminal(run_on_terminal, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    text = run_on_terminal()
    assert "\x1b" not in text
    assert lines_of(text) == PLAIN_LINES


def test_an_empty_no_color_asks_for_nothing(run_on_terminal, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "")
    assert lines_of(run_on_terminal()) == COLOURED_LINES


def test_without_a_terminal_there_are_no_colours(handlers, capfd, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    dev.run({"web": [sys.executable, "-c", LEVELS]})
    text = capfd.readouterr().out
    assert "\x1b" not in text
    assert lines_of(text) == PLAIN_LINES


PRINTS = "import time; [print(line, flush=True) or time.sleep({pause}) for line in {lines}]"


FAILS = """
import time, traceback
try:
    import broken
except SyntaxError:
    traceback.print_exc()
time.sleep(5)  # as a process that waits for the next edit
"""


def test_a_wrong_edit_gives_one_traceback(handlers, capfd, tmp_path):
    (tmp_path / "broken.py").write_text("def broken(:\n")
    script = tmp_path / "process.py"
    script.write_text(FAILS)
    failing = [sys.executable, str(script)]
    dev.run({"web": failing, "worker-fast": failing, "beat": failing})

    lines = [line.partition("| ")[2] for line in capfd.readouterr().out.splitlines()]
    assert lines.count("Traceback (most recent call last):") == 1
    assert lines.count("SyntaxError: invalid syntax") == 1
    assert lines.count("SyntaxError: invalid syntax (as above)") == 2


def test_tracebacks_are_told_apart_and_never_lost():
    seconds = iter([0, 1, 2, 30])
    tracebacks = TracebackFilter(lambda: next(seconds))

    def say(process, place, error):
        lines = ["Traceback (most recent call last):", f'  File "{place}", line 1', "    f()", error, "after"]
        return [shown for line in lines for shown in tracebacks.feed(process, line)]

    assert len(say("web", "a.py", "ValueError: 1")) == 5
    assert say("worker-fast", "a.py", "ValueError: 1") == ["ValueError: 1 (as above)", "after"]
    assert len(say("worker-slow", "b.py", "ValueError: 1")) == 5
    assert say("beat", "a.py", "KeyboardInterrupt") == ["after"]
    assert len(say("worker-fast", "a.py", "ValueError: 1")) == 5  # half a minute later

    assert tracebacks.feed("web", "Traceback (most recent call last):") == []
    assert tracebacks.flush("web") == ["Traceback (most recent call last):"]
    assert tracebacks.flush("web") == []


def test_the_last_lines_follow_when_all_are_ready(handlers, capfd):
    web = PRINTS.format(
        pause=1, lines=["Performing system checks...", "Starting at 8000", "Quit the server with CONTROL-C.", "GET /"]
    )
    worker = PRINTS.format(pause=0.1, lines=["a@b ready.", *["busy"] * 28])
    dev.run(
        {"web": [sys.executable, "-c", web], "worker-fast": [sys.executable, "-c", worker]}, ["Open it.", "Log in."]
    )

    lines = capfd.readouterr().out.splitlines()
    first = lines.index("Open it.")
    assert lines[first - 1 : first + 3] == ["", "Open it.", "Log in.", ""]
    assert lines.count("Open it.") == 1
    assert any("ready." in line for line in lines[:first])
    assert any("Starting at" in line for line in lines[:first])
    assert not any("Performing" in line or "Quit" in line for line in lines)
    assert not any("GET /" in line for line in lines[:first])


def test_the_last_lines_come_late_where_nothing_says_that_it_is_ready(handlers, capfd, monkeypatch):
    monkeypatch.setattr(dev, "READY_SECONDS", 0.1)
    web = PRINTS.format(pause=1, lines=["Serving", "still", "and still"])
    dev.run({"web": [sys.executable, "-c", web]}, ["Open it."])

    assert "Open it." in capfd.readouterr().out.splitlines()


def test_says_how_to_get_what_it_needs(monkeypatch):
    monkeypatch.setitem(sys.modules, "honcho.manager", None)
    with pytest.raises(CommandError, match="honcho is missing"):
        dev.run({})
