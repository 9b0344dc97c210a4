"""Stand in for a managed broker: speak TLS outside and plain TCP inside."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import trustme


class Authority:
    """Be a certificate authority of our own, whose certificate is in `file`."""

    def __init__(self, folder: Path) -> None:
        self.authority = trustme.CA()
        self.file = folder / "authority.pem"
        self.authority.cert_pem.write_to_path(self.file)

    def context(self, name: str) -> ssl.SSLContext:
        """Return what a server needs that shows a certificate for this name."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(name).configure_cert(context)
        return context


@contextmanager
def gate(port: int, context: ssl.SSLContext) -> Iterator[int]:
    """Yield the port of a gate in front of this port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, port, context), daemon=True).start()
        yield listener.getsockname()[1]


def _accept(listener: socket.socket, port: int, context: ssl.SSLContext) -> None:
    with suppress(OSError):  # the listener was closed: the end
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_serve, args=(client, port, context), daemon=True).start()


def _serve(client: socket.socket, port: int, context: ssl.SSLContext) -> None:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)) as inside:
        outside = context.wrap_socket(client, server_side=True)
        threading.Thread(target=_pump, args=(inside, outside), daemon=True).start()
        _pump(outside, inside)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
