"""Test work behind a pooler that gives each transaction another connection to PostgreSQL."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.live.harness.processes import Process, eventually
from tests.live.harness.servers import PostgreSQL, running_broker, running_database
from tests.ports import free_port
from tests.projects import environment, make

POOL = 3  # connections of the pooler to PostgreSQL
ORDERS = 30
# A reservation and a receipt for each order. At 02:10 beat adds a job of its own.
DONE = "SELECT count(*), count(*) FILTER (WHERE state = 'done') FROM djcelery_jobs_job WHERE dispatched_by <> 'beat'"
CLIENTS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
PLACE = f"""
from orders.models import Product
from orders.services import place_order
tea = Product.objects.get(sku="TEA-01")
for number in range({ORDERS}):
    place_order(product=tea, quantity=1, email="a@b.example", key=str(number))
print(sum(1 for _ in Product.objects.iterator()))
"""


@contextmanager
def pgbouncer(database: PostgreSQL) -> Iterator[str]:
    """Yield the URL of a PgBouncer in front of the database. Like PostgreSQL, it refuses to run as root."""
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
    assert program, "PgBouncer is not installed (Debian: apt-get install pgbouncer)"
    port = free_port()
    config = database.folder / "pgbouncer.ini"
    config.write_text(
        f"[databases]\n* = host=127.0.0.1 port={database.port} user=postgres\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
        f"pool_mode = transaction\ndefault_pool_size = {POOL}\nmax_client_conn = 100\n"
    )
    config.chmod(0o644)
    with (database.folder / "pgbouncer.log").open("ab") as log:
        pooler = subprocess.Popen([*database.become, program, config], cwd="/", stdout=log, stderr=log)
    try:
        yield f"postgres://postgres@127.0.0.1:{port}/postgres"
    finally:
        pooler.terminate()
        pooler.wait()


@pytest.fixture
def database() -> Iterator[PostgreSQL]:
    with running_database("postgres") as server:
        assert isinstance(server, PostgreSQL)
        yield server


def test_every_job_is_done_with_few_connections(tmp_path: Path, database: PostgreSQL) -> None:
    project = make(tmp_path, "shop")
    with running_broker("redis") as broker, pgbouncer(database) as pooled:
        for command in ("migrate", "seed"):
            project.manage(command, DATABASE_URL=database.url, **broker.variables)
        variables = {"DATABASE_URL": pooled, "DATABASE_POOLER": "true", **broker.variables}
        programs = {
            "worker": ["worker", "--concurrency", "8", "-l", "INFO"],
            "beat": ["beat", "-l", "INFO"],
        }
        processes = [
            Process(
                [sys.executable, "-m", "celery", "-A", "shop", *words],
                project.path,
                environment() | variables,
                tmp_path / f"{name}.log",
            )
            for name, words in programs.items()
        ]
        try:
            project.manage("shell", "-c", PLACE, **variables)
            eventually("all done", lambda: database.rows(DONE) == [(2 * ORDERS, 2 * ORDERS)], 90)
            [(seen,)] = database.rows(CLIENTS)
        finally:
            for process in processes:
                process.end()

    assert 0 < seen - 1 <= POOL  # the one that asks is not the pooler's
