"""Hosts that lose each other, at full length: python benchmarks/hosts.py --broker redis

Web, broker, database and two hosts of workers, each in a network namespace of its own with a beat on both hosts of
workers. Under load, the link of one, of both and of the broker is cut for 30 s and healed; then a host is added and
another loses its power. Needs root, for the namespaces. Counts decide about the exit code.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1] / "tests"
sys.path[:0] = [str(TESTS / "live" / "hosts"), str(TESTS / "live" / "faults"), str(TESTS / "live"), str(TESTS)]

from network import why_not  # noqa: E402
from spread import partitions, spread  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--broker", choices=("redis", "rabbitmq"), default="redis")
    parser.add_argument("--seconds", type=float, default=30, help="how long each link is cut, default: %(default)s")
    options = parser.parse_args()
    if reason := why_not():
        sys.exit(f"Nothing was measured: {reason}.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the hosts end with us
    with spread(options.broker) as shop:
        outcome, schedule = partitions(shop, options.seconds, options.seconds, say=_progress)
    kept = outcome.kept and not schedule.doubled
    print(f"{'ok' if kept else 'BROKEN'}  {shop.rig.name}: {outcome}, {schedule}")
    return 0 if kept else 1


def _progress(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
