"""Cut or freeze the line to a broker: the broker keeps its data, and nobody reaches it."""

from __future__ import annotations

import selectors
import socket
import threading
from contextlib import suppress

from tests.ports import free_port


class Proxy:
    """Forward a port of this machine to another, until it is told to refuse or to freeze."""

    def __init__(self, target: int) -> None:
        self.target, self.port = target, free_port()
        self.frozen = False
        self._peers: dict[socket.socket, socket.socket] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._listener = self._listen()
        self._thread = threading.Thread(target=self._forward, daemon=True)
        self._thread.start()

    def refuse(self) -> None:
        """Break all connections and refuse new ones."""
        with self._lock:
            self._listener.close()
            self._hang_up()

    def freeze(self) -> None:
        """Accept new connections, as the kernel does by itself, and never answer."""
        self.frozen = True

    def mend(self) -> None:
        with self._lock:
            if self.frozen:  # what stood in the line was lost with it
                self._hang_up()
                self._listener.close()
            self._listener = self._listen()
            self.frozen = False

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        with self._lock:
            self._listener.close()
            self._hang_up()

    def _listen(self) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", self.port), backlog=200)
        listener.setblocking(False)
        return listener

    def _hang_up(self) -> None:
        for end in self._peers:
            end.close()
        self._peers.clear()

    def _forward(self) -> None:
        while not self._over.is_set():
            if self.frozen:
                self._over.wait(0.02)
                continue
            with self._lock:
                self._turn()
            self._over.wait(0.0002)  # let go of the lock

    def _turn(self) -> None:
        ends = [end for end in (self._listener, *self._peers) if end.fileno() >= 0]
        with selectors.DefaultSelector() as ready:
            for end in ends:
                ready.register(end, selectors.EVENT_READ)
            for key, _ in ready.select(0.02):
                self._accept() if key.fileobj is self._listener else self._pass_on(key.fileobj)

    def _accept(self) -> None:
        with suppress(OSError):
            here, _ = self._listener.accept()
            there = socket.create_connection(("127.0.0.1", self.target), timeout=2)
            for end in (here, there):
                end.settimeout(2)
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._peers |= {here: there, there: here}

    def _pass_on(self, end: socket.socket) -> None:
        if (other := self._peers.get(end)) is None:
            return
        try:
            data = end.recv(65536)
            other.sendall(data)
        except OSError:
            data = b""
        if not data:
            for peer in (end, other):
                self._peers.pop(peer, None)
                peer.close()


def through(proxy: Proxy, broker_port: int, variables: dict[str, str]) -> dict[str, str]:
    """Return the variables that name a broker, with the port of the proxy in place of its own."""
    return {name: url.replace(str(broker_port), str(proxy.port)) for name, url in variables.items()}
