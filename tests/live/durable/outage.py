"""Stop the broker while a site takes orders over HTTP."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from tests.live.harness.environment import Environment, running_environment
from tests.live.harness.processes import eventually
from tests.live.harness.project import SHORT, Policy
from tests.live.harness.proxy import Proxy, through
from tests.ports import free_port

PROCESSES, THREADS = 2, 4  # of the web server
PAUSE = 0.3  # seconds between two orders of one customer
PRODUCTS = ("TEA-01", "CUP-01", "POT-01")
UNSETTLED = "SELECT count(*) FROM orders_order WHERE status = 'placed'"


@dataclass
class Request:
    at: float
    seconds: float
    status: int


@dataclass
class Outage:
    """Hold what customers and jobs noticed."""

    before: list[Request]
    during: list[Request]
    orders: int
    lost: int
    back_to_done: float  # seconds from the broker's return until all jobs were done

    @property
    def failed(self) -> int:
        return sum(request.status != 202 for request in (*self.before, *self.during))

    def slower_than(self, seconds: float) -> int:
        return sum(request.seconds > seconds for request in self.during)

    @property
    def usual(self) -> list[float]:
        """Return how long requests took before the outage, sorted."""
        return sorted(request.seconds for request in self.before)

    def after_the_first(self, seconds: float) -> list[float]:
        """Return how long the requests took that came so long after the outage began, sorted."""
        begun = min(request.at for request in self.during)
        return sorted(request.seconds for request in self.during if request.at > begun + seconds)


@contextmanager
def site_behind_a_proxy(broker: str, *flags: str, policy: Policy = SHORT) -> Iterator[tuple[Environment, Proxy, int]]:
    """Run a web server, two workers and beat, which all reach the broker through a proxy. flags: of gunicorn."""
    with running_environment(broker, "postgres", policy=policy, JOBS_LOG_LEVEL="WARNING") as environment:
        proxy, port = Proxy(environment.broker.port), free_port()
        environment.variables |= through(proxy, environment.broker.port, environment.broker.variables)
        try:
            environment.manage("seed")
            environment.worker("fast")
            environment.worker("email")
            environment.beat()
            environment.web(port, "--workers", str(PROCESSES), "--threads", str(THREADS), *flags)
            eventually("the web server", lambda: order(port).status == 202)
            yield environment, proxy, port
        finally:
            environment.end_processes()
            proxy.close()


def go_through(
    environment: Environment,
    proxy: Proxy,
    port: int,
    kind: Literal["refuse", "freeze"],
    seconds: float,
    customers: int = 4,
) -> Outage:
    """Order all the time: before an outage of so many seconds, and until its end."""
    requests: list[Request] = []
    over = threading.Event()
    threads = [threading.Thread(target=_customer, args=(port, requests, over)) for _ in range(customers)]
    for thread in threads:
        thread.start()
    try:
        time.sleep(5)
        away = time.monotonic()
        getattr(proxy, kind)()
        time.sleep(seconds)
        proxy.mend()
        back = time.monotonic()
    finally:
        over.set()
        for thread in threads:
            thread.join()
    environment.wait_until_finished(120)
    return Outage(
        before=[request for request in requests if request.at < away],
        during=[request for request in requests if away <= request.at < back],
        orders=len(requests),
        lost=environment.number(UNSETTLED),
        back_to_done=time.monotonic() - back,
    )


def order(port: int) -> Request:
    begun = time.monotonic()
    product = PRODUCTS[int(begun * 1e6) % len(PRODUCTS)]  # not all behind the lock of one row
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        body = json.dumps({"product": product, "quantity": 1, "email": "a@example.com"})
        connection.request("POST", "/api/orders", body)
        status = connection.getresponse().status
        connection.close()
    except OSError:
        status = 0
    return Request(begun, time.monotonic() - begun, status)


def _customer(port: int, requests: list[Request], over: threading.Event) -> None:
    while not over.wait(PAUSE):
        requests.append(order(port))
