"""Cut hosts off from each other, at full length: python -m benchmarks.hosts --broker redis

Web, broker, database and two hosts of workers, each in a network namespace of its own with a beat on both hosts of
workers. Under load, the link of one, of both and of the broker is cut for 30 s and healed; then a host is added and
another loses its power. Needs root, for the namespaces. Counts decide about the exit code.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys

from benchmarks.measuring import save
from tests.live.harness.project import AS_GENERATED
from tests.live.hosts.hosts import partitions, running_hosts
from tests.live.hosts.network import why_impossible

FULL = 30.0  # seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--broker", choices=("redis", "rabbitmq"), default="redis")
    parser.add_argument("--seconds", type=float, default=FULL, help="how long each link is cut, default: %(default)s")
    options = parser.parse_args()
    if reason := why_impossible():
        sys.exit(f"Nothing was measured: {reason}.")
    with running_hosts(options.broker, policy=AS_GENERATED) as hosts:
        outcome, runs = partitions(hosts, options.seconds, options.seconds, say=_progress)
    kept = outcome.is_intact and not runs.doubled
    print(f"{'ok' if kept else 'BROKEN'}  {hosts.environment.name}: {outcome}, {runs}")
    figures = {"kept": kept, "seconds_cut": options.seconds, **dataclasses.asdict(outcome)}
    save(f"hosts-{options.broker}", figures | {"schedule": dataclasses.asdict(runs)}, full=options.seconds == FULL)
    return 0 if kept else 1


def _progress(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
