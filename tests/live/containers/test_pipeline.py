"""Run what the pipelines do with their two servers, on servers of this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.harness.project import edit
from tests.live.harness.servers import running_broker, running_database
from tests.projects import make

PLAIN, INDEXED = "email = models.EmailField()", "email = models.EmailField(db_index=True)"


@pytest.fixture(scope="module")
def database() -> Iterator[dict[str, str]]:
    with running_database("postgres") as server:
        yield {"DATABASE_URL": server.url}


@pytest.mark.parametrize("name", ["redis", "rabbitmq"])
def test_a_job_goes_through_the_real_broker(tmp_path, database, name):
    project = make(tmp_path, "shop", ["--broker", name])
    with running_broker(name) as broker:
        said = project.run(
            "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "services", **database, **broker.variables
        )

    assert "2 passed" in said


def test_a_migration_that_would_lock_a_table_ends_the_pipeline(tmp_path, database):
    project = make(tmp_path, "shop")
    edit(project.path / "orders" / "models.py", PLAIN, INDEXED)
    project.manage("makemigrations", "orders")

    with pytest.raises(AssertionError, match="require-concurrent-index-creation"):
        project.run(
            "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "services", "tests/test_migrations.py", **database
        )
