"""Measure controls under fire: python -m benchmarks.bench_controls [KILLS] [CANCELS] [DEAD] [--broker BROKER]

On each broker: what starts of a paused queue while its workers, beat and the broker are killed; whether each job that
is cancelled about when it ends is either done with its effect or cancelled without; how long a running job goes on
after it was cancelled; and, while many dead jobs are sent again with one decision, how long other jobs wait and the
pages take.
"""

from __future__ import annotations

import argparse
import sys
from statistics import median
from typing import Any

from benchmarks.measuring import save, saved, table
from tests.live.harness.environment import Environment, running_environment
from tests.live.operators import controls

FULL = {"kills": 5, "cancels": 1000, "dead": 100_000}
BROKERS = ("redis", "rabbitmq")
TASKS = ("long_job", "long_steps", "long_query")
LIMIT = 2  # seconds until a cancelled job has ended
PAGE_LIMIT = 300  # milliseconds that a page takes, 95 times of 100, while the dead jobs are sent again
NOTHING = ("starts while paused", "effects while paused", "done without effect", "cancelled with effect", "doubled")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, size in FULL.items():
        parser.add_argument(name, nargs="?", type=int, default=size, help="default, and full size: %(default)s")
    parser.add_argument("--broker", choices=BROKERS, help="measure on this one only, and keep the figures of the other")
    given = vars(parser.parse_args())
    only = given.pop("broker")
    kills, cancels, dead = given.values()
    figures: dict[str, dict[str, Any]] = {}
    for broker in [only] if only else BROKERS:
        with running_environment(broker, "postgres") as environment:
            environment.supervise_workers()
            environment.supervise_workers(1, "slow")
            environment.supervise_beat()
            environment.supervisor.all_ready()
            figures[broker] = measured(environment, kills, cancels, dead)
        save("controls", saved("controls") | figures, full=given == FULL)
    print(f"\n{kills} kills, {cancels} cancels, {dead} dead jobs\n")
    names = next(iter(figures.values())).keys()
    table(("", *figures), [(name, *(one[name] for one in figures.values())) for name in names])
    return int(not all(is_fine(one, dead) for one in figures.values()))


def measured(environment: Environment, kills: int, cancels: int, dead: int) -> dict[str, Any]:
    paused = controls.paused_through_kills(environment, 200, kills)
    environment.clear()
    raced = controls.cancels_raced_with_finishes(environment, cancels)
    ended = []
    for task in TASKS:
        environment.clear()
        ended.append(controls.cancelled_while_it_runs(environment, task).seconds)
    environment.clear()
    acted = controls.acted_on_all(environment, dead)
    return {
        "paused jobs": paused.outcome.dispatched,
        "starts while paused": paused.starts,
        "effects while paused": paused.effects,
        "cancels": raced.asked,
        "cancelled": raced.cancelled,
        "done": raced.done,
        "neither": raced.other,
        "done without effect": raced.outcome.lost,
        "cancelled with effect": raced.outcome.unexpected,
        "slowest cancel, s": max(ended),
        "sent again": acted.states.get("done", 0) - acted.others,
        "doubled": acted.doubled,
        "all done after, s": acted.seconds,
        "others": acted.others,
        "longest in another queue, s": acted.waited["slow"],
        "longest in the same queue, s": acted.waited["fast"],
        "pages loaded": len(acted.pages),
        "page, median ms": median(acted.pages),
        "page, p95 ms": acted.pages[len(acted.pages) * 95 // 100],
        "page, longest ms": acted.pages[-1],
    }


def is_fine(figures: dict[str, Any], dead: int) -> bool:
    return (
        not any(figures[name] for name in NOTHING)
        and figures["neither"] == 0
        and figures["sent again"] == dead
        and figures["slowest cancel, s"] < LIMIT
        and figures["page, p95 ms"] < PAGE_LIMIT
    )


if __name__ == "__main__":
    sys.exit(main())
