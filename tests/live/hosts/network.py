"""Make several hosts of one machine: each is a network namespace with an address of its own, plugged into one switch.

A link that is cut is unplugged at the switch: packets vanish, and nobody is told, as when a cable or a router fails.
The test's own process is plugged in too, to prepare and to look. 198.18.0.0/15 is reserved for tests of networks.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from tests.live.harness.servers import Location

SWITCH, BRIDGE, CARD = "switch", "bridge", "eth0"


def why_impossible() -> str:
    """Return the reason why hosts cannot be made here, or an empty text."""
    if not shutil.which("ip"):
        return "no `ip` here (Debian: apt-get install iproute2), so there is no network of hosts"
    name = f"djc-try-{uuid.uuid4().hex[:4]}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"network namespaces cannot be made here: {made.stderr.strip() or 'not allowed'}"
    _ip("netns", "del", name)
    return ""


@dataclass(frozen=True)
class Host:
    """Hold one host: its namespace, and its port at the switch."""

    name: str
    namespace: str
    switch: str
    port: str
    location: Location

    def cut(self) -> None:
        """Unplug it: what is sent to it or by it from now on gets lost."""
        _ip("-n", self.switch, "link", "set", self.port, "nomaster")

    def heal(self) -> None:
        _ip("-n", self.switch, "link", "set", self.port, "master", BRIDGE)

    def power_off(self) -> None:
        """End all of its processes in one moment, so that none of them can close its connections."""
        self.cut()
        for pid in _ip("netns", "pids", self.namespace).split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


class Network:
    """Hold a switch, and the hosts that were plugged into it."""

    def __init__(self) -> None:
        self.id = f"djc-{uuid.uuid4().hex[:4]}"
        self.switch = f"{self.id}-{SWITCH}"
        self.hosts: dict[str, Host] = {}
        self.subnet = self._free_subnet()

    def start(self) -> None:
        _ip("netns", "add", self.switch)
        _ip("-n", self.switch, "link", "add", BRIDGE, "type", "bridge")
        _ip("-n", self.switch, "link", "set", BRIDGE, "up")
        self._plug_in(0, card=self.id)  # this very process

    def add(self, name: str) -> Host:
        namespace, number = f"{self.id}-{name}", len(self.hosts) + 1
        _ip("netns", "add", namespace)
        _ip("-n", namespace, "link", "set", "lo", "up")
        port = self._plug_in(number, card=CARD, namespace=namespace)
        location = Location(self._address(number), ("ip", "netns", "exec", namespace))
        self.hosts[name] = Host(name, namespace, self.switch, port, location)
        return self.hosts[name]

    def stop(self) -> None:
        """Delete the namespaces, and with each of them its pair of cards."""
        for namespace in [*(host.namespace for host in self.hosts.values()), self.switch]:
            subprocess.run(["ip", "netns", "del", namespace], capture_output=True, check=False)

    def _plug_in(self, number: int, *, card: str, namespace: str = "") -> str:
        """Connect a port of the switch and a card in that namespace, or in our own. Returns the port."""
        port, there = f"port{number}", ["-n", namespace] if namespace else []
        # Made in the namespace of the card, since that is where its name must be free.
        _ip(*there, "link", "add", card, "type", "veth", "peer", "name", port, "netns", self.switch)
        _ip(*there, "address", "add", f"{self._address(number)}/24", "dev", card)
        _ip(*there, "link", "set", card, "up")
        _ip("-n", self.switch, "link", "set", port, "master", BRIDGE, "up")
        return port

    def _address(self, number: int) -> str:
        return f"{self.subnet}.{10 + number}"

    def _free_subnet(self) -> str:
        taken = _ip("-o", "address", "show")
        subnets = [f"198.{second}.{third}" for second in (18, 19) for third in range(256)]
        return random.choice([subnet for subnet in subnets if f" {subnet}." not in taken])  # noqa: S311  no secret


@contextmanager
def network(*names: str) -> Iterator[Network]:
    """Make a network with these hosts, which are gone with the block. What runs on them must have ended by then."""
    made = Network()
    try:
        made.start()
        for name in names:
            made.add(name)
        yield made
    finally:
        made.stop()


def _ip(*words: str) -> str:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"
    return done.stdout
