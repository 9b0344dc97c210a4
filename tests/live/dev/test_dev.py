"""Change the code while `manage.py dev` runs, and start it where it refuses to run."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.live.dev.dev_server import READY
from tests.live.harness.project import CLASSES
from tests.projects import environment

TIME = re.compile(r"\d\d:\d\d:\d\d")


def test_a_change_of_the_code_restarts_the_workers(dev_server):
    dev_server.change_code('logger.info("this is new")')

    for name in CLASSES:
        assert dev_server.dev.lines(rf"worker-{name} .* this is new")
    dev_server.receipt_sent(dev_server.order("dora@example.com"))


def test_few_lines_come_until_all_is_ready_and_each_has_one_time(dev_server):
    lines = dev_server.dev.text.splitlines()
    last = max(next(n for n, line in enumerate(lines) if re.search(pattern, line)) for pattern in READY)
    opening = next(n for n, line in enumerate(lines) if line.startswith("Open http://"))
    until_ready = [line for line in lines[: opening + 4] if "live-tick" not in line]  # which the tests schedule

    assert last < opening
    assert [line.partition(":")[0] for line in lines[opening + 1 : opening + 3]] == ["Admin", "Jobs"]
    assert lines[opening + 3].startswith("Log in as admin with the password ")
    assert len(until_ready) <= 25, "\n".join(until_ready)
    assert [line for line in until_ready if len(TIME.findall(line)) > 1] == []


@pytest.mark.parametrize("kind", ["broker", "database"])
def test_it_refuses_a_server_that_is_not_on_this_machine(dev_server, kind):
    scheme = {"redis": ("REDIS_URL", "redis://"), "rabbitmq": ("AMQP_URL", "amqp://u:p@")}[dev_server.broker]
    name, start = scheme if kind == "broker" else ("DATABASE_URL", "postgres://u:p@")

    done = subprocess.run(
        [dev_server.project.python, "manage.py", "dev"],
        cwd=dev_server.project.path,
        env=environment() | dev_server.variables | {name: f"{start}production.example.com/0"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1
    assert f"The {kind} is on production.example.com, which is not this machine" in done.stderr
