"""`manage.py dev` while it runs, and when it refuses to."""

from __future__ import annotations

import subprocess

import pytest
from projects import environment
from shop import CLASSES


def test_a_change_of_the_code_restarts_the_workers(shop):
    tasks = shop.project.path / "orders/tasks.py"

    with tasks.open("a") as file:
        file.write('\nlogger.info("this is new")\n')

    for name in CLASSES:
        shop.dev.wait_for(rf"worker-{name} .* this is new", seconds=120)
        shop.dev.wait_for(rf"worker-{name} .* ready\.", count=2, seconds=120)
    shop.receipt_sent(shop.order("dora@example.com"))


@pytest.mark.parametrize("kind", ["broker", "database"])
def test_it_refuses_a_server_that_is_not_on_this_machine(shop, kind):
    scheme = {"redis": ("REDIS_URL", "redis://"), "rabbitmq": ("AMQP_URL", "amqp://u:p@")}[shop.broker]
    name, start = scheme if kind == "broker" else ("DATABASE_URL", "postgres://u:p@")

    done = subprocess.run(
        [shop.project.python, "manage.py", "dev"],
        cwd=shop.project.path,
        env=environment() | shop.variables | {name: f"{start}production.example.com/0"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1
    assert f"The {kind} is on production.example.com, which is not this machine" in done.stderr
