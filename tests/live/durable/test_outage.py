"""Test a broker that refuses, and one that never answers, under web load."""

from __future__ import annotations

import pytest

from tests.live.durable.outage import PROCESSES, THREADS, go_through, site_behind_a_proxy

SECONDS = 10
# More than one process of the web server has threads, or it alone might serve all of them and the other meet the broker
# only later.
CUSTOMERS = 2 * THREADS
NOTICED = 4  # seconds until each process of the web server has waited for the broker, once
ONE_WAIT = 2  # seconds: the timeout of the sockets
WAITED = 0.9 * ONE_WAIT  # seconds: nothing else takes so long, also on a busy machine


@pytest.fixture(scope="module", params=["redis", "rabbitmq"])
def site_and_line(request):
    # A process takes no request that it has no thread for, or those that stand behind a waiting one would count too.
    with site_behind_a_proxy(request.param, "--worker-connections", str(THREADS)) as made:
        yield made


@pytest.mark.parametrize("kind", ["refuse", "freeze"])
def test_no_request_notices(site_and_line, kind, figure):
    found = go_through(*site_and_line, kind, SECONDS, CUSTOMERS)

    slowest = max(request.seconds for request in found.during)
    figure(f"broker away ({kind}): all jobs done {found.back_to_done:.1f} s after, slowest request {slowest:.2f} s")
    assert len(found.during) > 15
    assert found.failed == 0
    assert found.lost == 0
    # One bounded wait in each thread that was publishing just then, and in none that came later.
    assert found.slower_than(WAITED) <= (PROCESSES * THREADS if kind == "freeze" else 0)
    assert max(found.after_the_first(NOTICED)) < WAITED
