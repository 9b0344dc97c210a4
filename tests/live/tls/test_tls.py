"""Test a broker behind TLS, as managed ones are: jobs run, and a certificate of another host is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.live.harness.servers import RabbitMQ, Valkey, running_broker
from tests.live.tls.gate import Authority, gate
from tests.projects import Project, make

# A user who may do with Redis what Celery does, and administer nothing.
USER, PASSWORD = "shop", "s3cret-of-the-shop"
ACL = f"ACL SETUSER {USER} on >{PASSWORD} ~* &* +@all -@admin -@dangerous +info\r\n"
CONNECT = "from celery import current_app; current_app.connection_for_write().connect()"


@dataclass
class Managed:
    """Hold a project and its broker, which is reached through TLS only."""

    project: Project
    broker: Valkey | RabbitMQ
    authority: Authority

    def variables(self, port: int) -> dict[str, str]:
        if isinstance(self.broker, Valkey):
            url = {"REDIS_URL": f"rediss://{USER}:{PASSWORD}@localhost:{port}/0"}
        else:
            url = {"AMQP_URL": f"amqps://guest:guest@localhost:{port}//"}
        return {**url, "SSL_CERT_FILE": str(self.authority.file)}


@pytest.fixture(scope="module", params=["redis", "rabbitmq"])
def managed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Managed]:
    folder = tmp_path_factory.mktemp(request.param)
    with running_broker(request.param) as broker:
        if isinstance(broker, Valkey):
            assert broker.say(ACL.encode()) == b"+OK\r\n"
        yield Managed(make(folder, "shop", ["--broker", request.param]), broker, Authority(folder))


def test_a_job_runs(managed: Managed) -> None:
    with gate(managed.broker.port, managed.authority.context("localhost")) as port:
        words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "services", "tests/test_services.py"]
        assert "1 passed" in managed.project.run(*words, **managed.variables(port))


def test_the_certificate_of_another_host_is_refused(managed: Managed) -> None:
    wrong = managed.authority.context("elsewhere.example")
    with gate(managed.broker.port, wrong) as port, pytest.raises(AssertionError, match="certificate"):
        managed.project.manage("shell", "-c", CONNECT, **managed.variables(port))


def test_a_certificate_of_nobody_known_is_refused(managed: Managed, tmp_path: Path) -> None:
    wrong = Authority(tmp_path).context("localhost")
    with gate(managed.broker.port, wrong) as port, pytest.raises(AssertionError, match="certificate"):
        managed.project.manage("shell", "-c", CONNECT, **managed.variables(port))
