"""The broker goes away while a shop takes orders over HTTP."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from ground import Ground, ground
from processes import eventually
from proxy import Proxy
from servers import free_port

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
    """What customers and jobs noticed."""

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
        """How long requests took before the outage, sorted."""
        return sorted(request.seconds for request in self.before)

    def after_the_first(self, seconds: float) -> list[float]:
        """How long the requests took that came so long after the outage began, sorted."""
        begun = min(request.at for request in self.during)
        return sorted(request.seconds for request in self.during if request.at > begun + seconds)


@contextmanager
def shop_behind_a_proxy(broker: str, *flags: str) -> Iterator[tuple[Ground, Proxy, int]]:
    """Its web server, two workers and beat, which all reach the broker through a line of ours. flags: of gunicorn."""
    with ground(broker, "postgres", JOBS_LOG_LEVEL="WARNING") as place:
        proxy, port = Proxy(place.broker.port), free_port()
        place.variables |= {
            name: url.replace(str(place.broker.port), str(proxy.port)) for name, url in place.broker.variables.items()
        }
        try:
            place.project.manage("seed", **place.variables)
            place.worker("fast")
            place.worker("email")
            place.beat()
            bind = ("--bind", f"127.0.0.1:{port}", "--workers", str(PROCESSES), "--threads", str(THREADS))
            place.start("-m", "gunicorn", "shop.wsgi", *bind, *flags, name="web", ready="Booting worker")
            eventually("the web server", lambda: order(port).status == 202)
            yield place, proxy, port
        finally:
            for process in place.processes:
                process.end()
            proxy.close()


def go_through(
    place: Ground, proxy: Proxy, port: int, kind: Literal["refuse", "freeze"], seconds: float, customers: int = 4
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
    eventually("all is done", lambda: not place.unfinished(), 120, otherwise=place.story)
    return Outage(
        before=[request for request in requests if request.at < away],
        during=[request for request in requests if away <= request.at < back],
        orders=len(requests),
        lost=place.number(UNSETTLED),
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
