"""Controls under fire: python -m benchmarks.bench_controls [KILLS] [CANCELS] [DEAD]

On each broker: what starts of a paused queue while its workers, beat and the broker are killed; whether each job that
is cancelled about when it ends is either done with its effect or cancelled without; how long a running job goes on
after it was cancelled; and how long other jobs wait while many dead ones are sent again with one decision.
"""

from __future__ import annotations

import sys

from benchmarks.measuring import save, sizes, table
from tests.live.harness.environment import running_environment
from tests.live.operators import controls

TASKS = ("long_job", "long_steps", "long_query")
LIMIT = 2  # seconds until a cancelled job has ended


def main() -> int:
    (kills, cancels, dead), full = sizes(__doc__, kills=5, cancels=1000, dead=100_000)
    rows, figures, wrong = [], {}, False
    for broker in ("redis", "rabbitmq"):
        with running_environment(broker, "postgres") as environment:
            environment.supervise_workers()
            environment.supervise_workers(1, "slow")
            environment.supervise_beat()
            environment.supervisor.all_ready()
            paused = controls.paused_through_kills(environment, 200, kills)
            environment.clear()
            raced = controls.cancels_raced_with_finishes(environment, cancels)
            ended = []
            for task in TASKS:
                environment.clear()
                ended.append(controls.cancelled_while_it_runs(environment, task).seconds)
            environment.clear()
            states, longest = controls.acted_on_all(environment, dead)
        is_intact = paused.outcome.is_intact and raced.outcome.is_intact and raced.other == 0
        wrong = wrong or not is_intact or paused.starts + paused.effects > 0 or max(ended) > LIMIT
        wrong = wrong or states.keys() != {"done"}
        row = (paused.starts, raced.asked, raced.done, raced.cancelled, max(ended), longest)
        rows.append((broker, *row))
        figures[broker] = dict(zip(NAMES, row, strict=True))
    print(f"\n{kills} kills, {cancels} cancels, {dead} dead jobs\n")
    table(("", *(name.replace("_", " ") for name in NAMES)), rows)
    save("controls", figures, full=full)
    return int(wrong)


NAMES = ("starts_while_paused", "cancels", "done", "cancelled", "slowest_cancel_s", "longest_wait_of_others_s")

if __name__ == "__main__":
    sys.exit(main())
