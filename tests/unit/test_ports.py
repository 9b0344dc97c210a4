"""Test the ports that tests give their servers."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests import ports

RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")  # what the kernel picks from


def test_no_port_is_handed_out_twice():
    handed = [ports.free_port() for _ in range(50)]

    assert len(set(handed)) == 50


def test_a_port_on_which_somebody_listens_is_left_out(monkeypatch):
    with socket.create_server(("127.0.0.1", ports.free_port())) as server:
        taken = server.getsockname()[1]
        monkeypatch.setattr(ports, "_ports", iter([taken, taken + 1]))

        assert ports.free_port() == taken + 1


def test_the_processes_of_a_parallel_run_have_their_own(monkeypatch):
    shares = []
    for number in range(ports.SHARES):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", f"gw{number}")
        share = ports._own_share()
        shares.append({next(share) for _ in range((ports.LAST - ports.FIRST) // ports.SHARES)})

    together = set.union(*shares)
    assert sum(map(len, shares)) == len(together)
    assert (min(together), max(together)) == (ports.FIRST, ports.LAST - 1)


@pytest.mark.skipif(not RANGE.exists(), reason="another operating system has no such file")
def test_the_kernel_gives_none_of_them_to_a_connection():
    lowest = int(RANGE.read_text().split()[0])

    assert lowest >= ports.LAST
