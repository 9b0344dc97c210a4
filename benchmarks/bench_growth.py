"""Measure what waiting jobs cost later ones: python -m benchmarks.bench_growth [--broker rabbitmq] [COUNT ...]

For each count, that many messages wait at the broker and as many rows in PostgreSQL; then each step is taken some
hundred times. The table says how many times as long it takes as beside the first count.
"""

from __future__ import annotations

import argparse

from benchmarks.measuring import save, table
from tests.live.harness.environment import running_environment
from tests.live.harness.project import AS_GENERATED

COUNTS = [1_000, 10_000, 100_000, 1_000_000]
ROUNDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--broker", choices=("redis", "rabbitmq"), default="redis")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of each step; default, and full size: %(default)s")
    parser.add_argument("counts", nargs="*", type=int, default=COUNTS, metavar="COUNT")
    options = parser.parse_args()
    with running_environment(options.broker, "postgres", policy=AS_GENERATED) as environment:
        found = [environment.ask("growth", str(count), f"--rounds={options.rounds}") for count in options.counts]
    first = found[0]
    head = ["", f"ms beside {options.counts[0]:,}", *(f"beside {count:,}" for count in options.counts[1:])]
    figures = dict(zip(options.counts, found, strict=True))
    save(f"growth-{options.broker}", figures, full=(options.counts, options.rounds) == (COUNTS, ROUNDS))
    print(f"\n{options.broker} and PostgreSQL\n")
    table(head, [(step, first[step], *(f"{one[step] / first[step]:.1f}x" for one in found[1:])) for step in first])


if __name__ == "__main__":
    main()
