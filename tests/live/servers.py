"""Servers for the tests: a RabbitMQ that is theirs alone, and a mail server that can be told to misbehave."""

from __future__ import annotations

import email
import os
import shutil
import signal
import socket
import socketserver
import subprocess
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from pathlib import Path
from urllib.parse import urlsplit

from processes import Process
from projects import environment, succeed

# Debian's own script insists on the user rabbitmq; the one beneath it runs for anybody.
RABBITMQ = Path("/usr/lib/rabbitmq/bin")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def rabbitmq(folder: Path) -> Iterator[str]:
    """The URL of a virtual host of our own: at AMQP_URL if that is set, else on a node that ends with the block."""
    if url := os.environ.get("AMQP_URL"):
        with _virtual_host(url) as ours:
            yield ours
    else:
        with _node(folder) as ours:
            yield ours


@contextmanager
def _virtual_host(url: str) -> Iterator[str]:
    name = f"djcelery-test-{uuid.uuid4().hex[:8]}"
    parts = urlsplit(url)
    succeed(["rabbitmqctl", "add_vhost", name])
    try:
        succeed(["rabbitmqctl", "set_permissions", "-p", name, parts.username or "guest", ".*", ".*", ".*"])
        yield parts._replace(path=f"/{name}").geturl()
    finally:
        succeed(["rabbitmqctl", "delete_vhost", name])


@contextmanager
def _node(folder: Path) -> Iterator[str]:
    server = RABBITMQ / "rabbitmq-server" if RABBITMQ.is_dir() else shutil.which("rabbitmq-server")
    assert server, "RabbitMQ is not installed (Debian: apt-get install rabbitmq-server), and AMQP_URL is not set"
    port, names = free_port(), str(free_port())
    variables = {
        **environment(),
        "HOME": str(folder),  # for Erlang's cookie
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": names,
        "RABBITMQ_CONF_ENV_FILE": os.devnull,
        "RABBITMQ_CONFIG_FILE": str(folder / "none"),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_LOG_BASE": str(folder),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_NODENAME": f"djcelery-test-{uuid.uuid4().hex[:8]}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
    }
    node = Process([server], folder, variables, folder / "rabbitmq.log")
    try:
        node.wait_for("Server startup complete", seconds=120)
        yield f"amqp://guest:guest@127.0.0.1:{port}//"
    finally:
        node.end(signal.SIGTERM)
        # Erlang's directory of nodes is a daemon that outlives them; this one knew only ours.
        subprocess.run(["epmd", "-port", names, "-kill"], capture_output=True, check=False)


class MailServer(socketserver.ThreadingTCPServer):
    """Takes mails and keeps them. `misbehave` is what it does to the next connections, one word for each.

    refuse: say that the service is not available. swallow: take the mail and break off before saying so.
    reject: know no such address. While it holds, it lets every client wait.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _MailSession)
        self.mails: list[Message] = []
        self.misbehave: list[str] = []
        self._open = threading.Event()
        self._open.set()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.server_address[1]}"

    def hold(self) -> None:
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    def wait(self) -> None:
        """Until it does not hold."""
        self._open.wait()

    def to(self, address: str) -> list[Message]:
        return [mail for mail in self.mails if mail["To"] == address]


class _MailSession(socketserver.StreamRequestHandler):
    """As much of SMTP as smtplib speaks."""

    server: MailServer

    def handle(self) -> None:
        trouble = self.server.misbehave.pop(0) if self.server.misbehave else ""
        if trouble == "refuse":
            self.say("421 come back later")
            return
        self.server.wait()
        self.say("220 at your service")
        while line := self.rfile.readline():
            command = line[:4].upper().strip()
            if command == b"DATA":
                self.say("354 go on")
                self.server.mails.append(self.mail())
                if trouble == "swallow":
                    return
            refused = trouble == "reject" and command == b"RCPT"
            self.say("550 nobody here" if refused else "221 bye" if command == b"QUIT" else "250 ok")

    def mail(self) -> Message:
        lines = iter(self.rfile.readline, b".\r\n")
        return email.message_from_bytes(b"".join(lines))

    def say(self, answer: str) -> None:
        self.wfile.write(f"{answer}\r\n".encode())
